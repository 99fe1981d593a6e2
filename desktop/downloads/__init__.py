"""Large files brought to this computer: resumed where they broke off, and never taken for whole unless they are."""
