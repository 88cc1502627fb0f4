"""Android devices over adb: finding one, its files, what it says of itself; whatever is run there."""
