"""The sample app on an Android phone, over adb. Never run against a real phone so far."""
