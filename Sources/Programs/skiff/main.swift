// Reads the command line and does what it says; see `Program`.
Program.main()
