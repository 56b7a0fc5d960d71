import Testing

@testable import Grammar

@Suite struct TableTests {
    private let grammar = Grammar(program: ProgramName(calledAs: "apptainer"))

    /// Whatever Apptainer takes is taken here with the same letter and kind, or is known to be missing.
    @Test(arguments: apptainerFlags) func everyFlagOfApptainerIsKnown(_ path: String, _ flags: String) throws {
        let command = try #require(grammar.find(path))
        let ours = command.flags + [Table.help(command.name)]
        for word in flags.split(whereSeparator: { $0 == " " || $0 == "\n" }) {
            let parts = word.split(separator: ":").map(String.init)
            let (letter, name, kind) = (parts[0] == "-" ? 0 : parts[0].utf8.first ?? 0, parts[1], parts[2])
            if let flag = ours.first(where: { $0.long == name }) {
                #expect(flag.short == letter, "\(path) --\(name)")
                // Numbers of objects are never negative; the rest is equal.
                let same = flag.kind == .bool ? "bool" : flag.kind.rawValue
                #expect(same == kind, "\(path) --\(name)")
            } else {
                #expect(grammar.absence(of: .long(name), path) != nil, "\(path) --\(name)")
                if letter != 0 { #expect(grammar.absence(of: .short(letter), path) != nil, "\(path) -\(parts[0])") }
            }
        }
    }

    @Test func namesAndLettersAreUnique() {
        for command in grammar.allCommands() {
            let flags = command.flags
            #expect(Set(flags.map(\.long)).count == flags.count, "\(command.path)")
            let letters = flags.map(\.short).filter { $0 != 0 }
            #expect(Set(letters).count == letters.count, "\(command.path)")
            for flag in flags { #expect(grammar.absence(of: .long(flag.long), command.path) == nil) }
        }
    }

    @Test func everyVerbExists() {
        let commands = grammar.allCommands()
        #expect(commands.count > 20)
        for command in commands {
            let start = command.path.isEmpty ? "" : command.path + " "
            for verb in command.verbs { #expect(grammar.find(start + verb) != nil, "\(start)\(verb)") }
            #expect(!command.summary.isEmpty && !command.description.isEmpty)
        }
    }

    @Test func textsFitTheScreen() {
        for command in grammar.allCommands() {
            // A word that is longer than its column may stick out, as in Apptainer.
            let lines = grammar.help(command).split(separator: "\n").filter {
                !$0.contains("destination=/") && !$0.contains("see the manual page")
            }
            for line in lines { #expect(line.utf8.count <= 80 || line.hasPrefix("  apptainer "), "\(line)") }
        }
    }
}
