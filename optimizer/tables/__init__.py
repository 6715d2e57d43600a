"""Files in and out: what the tables of a case hold, how they are checked, read into nouns and written. The only pandas."""
