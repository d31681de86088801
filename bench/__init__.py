"""Measurements that anyone can run again: `stream-talk bench NAME`. One module per benchmark."""
