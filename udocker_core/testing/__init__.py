"""What the tests of udocker, of its plugins and of third-party engines share."""
