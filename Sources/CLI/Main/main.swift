import CLI

Program(arguments: CommandLine.arguments).run()
