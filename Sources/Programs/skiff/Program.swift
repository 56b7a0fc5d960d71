import Base
import CLinux
import Core
import Grammar
import InstalledGrammar
import Linux
import PluginHost

/// The `skiff` program: reads the command line and passes it to a command of its own or to `skiff-image`.
package struct Program {
    private let name: ProgramName
    private let arguments: [String]

    /// Runs the program from the first instruction to the last.
    package static func main() -> Never {
        Inheritance.take()
        Program(arguments: processArguments()).run()
    }

    package init(arguments: [String]) {
        name = ProgramName(calledAs: arguments.first ?? "skiff")
        self.arguments = name.arguments(Array(arguments.dropFirst()))
    }

    package func run() -> Never {
        do throws(SkiffError) {
            try dispatch()
        } catch {
            report(error)
            leave(error.code.exitStatus)
        }
    }

    private func dispatch() throws(SkiffError) -> Never {
        let installation = try Installation.current()
        if arguments.first == "__launch" { try launchFromDescriptor(installation) }
        let catalog = PluginCatalog(installation)
        let grammar = Grammar(program: name) { catalog.grammar(for: $0) }
        switch try grammar.parse(arguments, environment: FlagEnvironment(environmentStrings())) {
        case .answer(let answer): say(answer)
        case .command(let invocation):
            configureMessages(invocation)
            do throws(SkiffError) {
                try run(invocation, installation, catalog)
            } catch {
                guard error.code == .usage else { throw error }
                say(grammar.answer(to: error, of: invocation.command))
            }
        }
    }

    private func say(_ answer: Answer) -> Never {
        try? writeFully(2, answer.standardError.printableLines)
        try? writeFully(1, answer.standardOutput.printableLines)
        exit(answer.status)
    }

    private func configureMessages(_ invocation: Invocation) {
        Log.level = invocation.global.messageLevel
        Log.allowColor(invocation.global.isColorAllowed)
        for note in invocation.notes {
            switch note.level {
            case .info: Log.info(note.text)
            case .warning: Log.warning(note.text)
            }
        }
    }

    private func run(_ invocation: Invocation, _ installation: Installation, _ catalog: PluginCatalog)
        throws(SkiffError) -> Never
    {
        if let action = action(of: invocation.command) {
            let settings = try settings(invocation, installation)
            ImageSource.formats = ForeignImages(catalog, installation) { settings }
            try LaunchCommand(installation: installation, settings: settings, catalog: catalog)
                .run(invocation, action)
        }
        if invocation.command.hasPrefix("instance ") { exit(try InstanceCommands(invocation).run()) }
        if invocation.command.hasPrefix("plugin ") {
            exit(try PluginCommands(installation: installation, registry: catalog.all).run(invocation))
        }
        if !invocation.plugin.isEmpty {
            try catalog.plugins(for: [.command(invocation.command)]).runCommand(
                invocation.command, invocation.positionals, flags: invocation.pluginFlags,
                try settings(invocation, installation), installation)
            leave(0)
        }
        try handOver(invocation, installation)
    }

    /// The action of a command that starts a program in a container.
    private func action(of command: String) -> Request.Action? {
        switch command {
        case "instance start": .start
        case "instance run": .run
        // Not a command of its own.
        case Request.Action.start.rawValue: nil
        default: Request.Action(rawValue: command)
        }
    }

    private func settings(_ invocation: Invocation, _ installation: Installation) throws(SkiffError) -> Settings {
        try Settings.load(
            installation, file: invocation.global.configurationFile,
            buildConfiguration: invocation.global.buildConfiguration)
    }

    /// Everything heavy is in another program, which parses the same words with the same table.
    private func handOver(_ invocation: Invocation, _ installation: Installation) throws(SkiffError) -> Never {
        var environment = environmentStrings()
        environment.append("SKIFF_PROGRAM=\(name.text)")
        environment.append("SKIFF_MESSAGELEVEL=\(invocation.global.messageLevel)")
        if !invocation.global.isColorAllowed { environment.append("SKIFF_NOCOLOR=1") }
        let words = CStringArray(["skiff-image"] + invocation.global.configurationWords + invocation.words)
        try during(
            "cannot start \(installation.imageTool)", hint: "Reinstall skiff: the program belongs in libexec/skiff"
        ) { () throws(Errno) in
            try Inheritance.giveBack()
            try execute(installation.imageTool, words, CStringArray(environment))
        }
        exit(255)
    }

    private func launchFromDescriptor(_ installation: Installation) throws(SkiffError) -> Never {
        let numbers = arguments.dropFirst().map { CInt($0) ?? 0 }
        guard [1, 3].contains(numbers.count), let descriptor = numbers.first, descriptor > 2 else {
            throw SkiffError("cannot launch: __launch takes the number of a descriptor, and those of two namespaces")
        }
        if numbers.count == 3 {
            func namespace(_ index: Int) -> OwnedFD? {
                guard numbers[index] > 2 else { return nil }
                Inheritance.claim(numbers[index])
                return OwnedFD(adopting: numbers[index])
            }
            try joinNamespaces(user: namespace(1), mount: namespace(2))
        }
        if let level = environmentValue("SKIFF_MESSAGELEVEL").flatMap({ Int($0) }) { Log.level = level }
        let bytes = try during("cannot read the request on descriptor \(descriptor)") { () throws(Errno) in
            Inheritance.claim(descriptor)
            let source = OwnedFD(adopting: descriptor)
            return try readToEnd(source.raw, limit: 16 << 20)
        }
        let request = try Request(encoded: bytes)
        let command = LaunchCommand(
            installation: installation, settings: try Settings.load(installation, file: request.configurationFile),
            catalog: PluginCatalog(installation))
        try command.run(encoded: request)
    }
}
