"""Every setting, declared once: what it is called, what it means, what it may be. No files here."""
