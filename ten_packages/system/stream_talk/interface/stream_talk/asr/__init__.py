"""What speech engines share that listen again and again to a growing utterance. Pure: no threads, no files."""
