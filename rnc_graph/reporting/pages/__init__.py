"""Pages without scripts: one HTML file each, offline, light and dark, wide and narrow."""
