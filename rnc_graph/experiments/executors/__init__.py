"""Where tasks are computed: in processes here, on a Ray cluster, or one task in many processes."""
