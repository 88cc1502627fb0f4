"""iPhones, through Apple's devicectl and the sample app. Never run against a real one so far."""
