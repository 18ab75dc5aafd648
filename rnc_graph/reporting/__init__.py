"""What people look at: the pictures and pages of data sets and models."""
