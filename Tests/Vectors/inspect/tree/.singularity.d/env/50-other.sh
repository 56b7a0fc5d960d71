export NOT=1
