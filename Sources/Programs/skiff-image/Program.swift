import Base
import Core
import Grammar
import InstalledGrammar
import Linux
import PluginHost
import Registry

/// `skiff-image`: everything about image files that may take longer than a launch. `skiff` parses first, so that a
/// wrong command line is refused before this program starts, and then hands over the words, which are read here again
/// with the same table.
struct Program {
    private let words: [String]

    /// - Parameter words: the arguments from the command word on.
    init(_ words: [String]) { self.words = words }

    /// Carries out the command and returns the exit status.
    func run() -> Int32 {
        configureMessages()
        do throws(SkiffError) {
            return try dispatch()
        } catch {
            report(error)
            return error.code.exitStatus
        }
    }

    /// The words that only skiff uses are not in the grammar, so that help and completion never show them.
    private func dispatch() throws(SkiffError) -> Int32 {
        if words.first == "__extract" { return try Extract(Array(words.dropFirst())).run() }
        let installation = try Installation.current()
        if let status = try LaunchAnswers.run(words, installation) { return status }
        if words.first == "__transport" { return TransportWorker.run(installation) }
        let program = ProgramName(calledAs: environmentValue("SKIFF_PROGRAM") ?? "skiff")
        let catalog = PluginCatalog(installation)
        let grammar = Grammar(program: program) { catalog.grammar(for: $0) }
        switch try grammar.parse(words, environment: FlagEnvironment(environmentStrings())) {
        case .answer(let answer): return say(answer)
        case .command(let invocation):
            ImageSource.formats = ForeignImages(catalog, installation) { () throws(SkiffError) in
                try Settings.load(invocation, installation)
            }
            // skiff has printed the invocation's notes.
            do throws(SkiffError) {
                return try Verbs.run(invocation, installation, program)
            } catch {
                guard error.code == .usage else { throw error }
                return say(grammar.answer(to: error, of: invocation.command))
            }
        }
    }

    private func say(_ answer: Answer) -> Int32 {
        try? writeFully(2, answer.standardError.printableLines)
        try? writeFully(1, answer.standardOutput.printableLines)
        return answer.status
    }

    /// skiff has understood the global flags already.
    private func configureMessages() {
        if let level = environmentValue("SKIFF_MESSAGELEVEL").flatMap({ Int($0) }) { Log.level = level }
        Log.allowColor(environmentValue("SKIFF_NOCOLOR") == nil)
    }
}
