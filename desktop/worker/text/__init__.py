"""Between text and tokens: chat templates, tokenizers, incremental decoding, stop strings."""
