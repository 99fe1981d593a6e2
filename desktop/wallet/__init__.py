"""The wallet: ecash (Cashu) that is ours."""
