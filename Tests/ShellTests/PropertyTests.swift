import TestSupport
import Testing

@testable import Shell

/// Random scripts from the grammar that the evaluator claims.
struct ScriptGenerator {
    var random: SeededRandom
    static let names = ["A", "B", "C", "D", "E"]

    init(seed: UInt64) { random = SeededRandom(seed) }

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }
    mutating func pick(_ options: [String]) -> String { options.randomElement(using: &random) ?? "" }
    mutating func name() -> String { pick(Self.names) }

    mutating func script() -> String {
        var text = ""
        for _ in 0..<Int.random(in: 2...9, using: &random) { text += statement(3) + "\n" }
        return text
    }

    mutating func statement(_ depth: Int) -> String {
        switch Int.random(in: 0..<(depth > 0 ? 14 : 7), using: &random) {
        case 0, 1: return name() + "=" + value(2)
        case 2: return "export " + name() + "=\"" + quoted(2) + "\""
        case 3: return "export " + name() + " " + name()
        case 4: return "unset " + name()
        case 5: return name() + "=" + value(1) + " " + name() + "=" + value(1) + "  # note"
        case 6: return "echo " + argument() + " " + argument()
        case 7: return condition() + pick([" && ", " || "]) + statement(0)
        case 8:
            return "if " + condition() + "; then " + statement(depth - 1) + "; "
                + (chance(50) ? "elif " + condition() + "\nthen\n" + statement(depth - 1) + "\n" : "")
                + (chance(50) ? "else " + statement(depth - 1) + "\n" : "") + "fi"
        case 9:
            return "case " + argument() + " in " + pattern() + ") " + statement(depth - 1) + " ;; " + pattern() + " | "
                + pattern() + ") " + statement(depth - 1) + "\n;; esac"
        case 10:
            return "for " + name() + " in " + argument() + " " + argument() + "; do " + statement(depth - 1) + "; done"
        case 11: return "{ " + statement(depth - 1) + "; }"
        case 12: return "eval '" + pick(["A=1", "B=\"$A\"", "C=\"${D:-x}\"", ":"]) + "'"
        default: return name() + "=$?"
        }
    }

    mutating func condition() -> String {
        let test = pick([
            "-n \"\(quoted(1))\"", "-z \"$\(name())\"", "\"$\(name())\" = \"\(quoted(1))\"", "\"\(quoted(1))\" != x",
            "! -d /tmp",
            "-d /tmp", "-f /etc/passwd", "1 -lt 2", "x", "",
        ])
        return pick([pick(["[ \(test) ]", "test \(test)"]), "true", "false", "! true", "! [ \(test) ]"])
    }

    /// Right of an assignment: nothing is split there.
    mutating func value(_ depth: Int) -> String {
        (0..<Int.random(in: 0...3, using: &random)).map { _ in
            switch Int.random(in: 0..<7, using: &random) {
            case 0: pick(["x", "ab", "/usr/bin", "a:b", "-", "%", "=", ".", "*", "a#b", "{q}"])
            case 1: "'" + pick(["single $A", "", "a\"b", "\\n", "* ?"]) + "'"
            case 2: "\"" + quoted(depth) + "\""
            case 3: "\\" + pick(["$", "x", " ", "\"", "'", "\\", "*"])
            case 4: "$" + name()
            default: parameter(depth, inQuotes: false)
            }
        }.joined()
    }

    mutating func quoted(_ depth: Int) -> String {
        (0..<Int.random(in: 0...3, using: &random)).map { _ in
            switch Int.random(in: 0..<6, using: &random) {
            case 0: pick(["word", "two words", "a:b", "it's", "*", "#", "  "])
            case 1: pick(["\\$", "\\\"", "\\\\", "\\x", "\\`"])
            case 2: "$" + name()
            case 3: "\n"
            default: parameter(depth, inQuotes: true)
            }
        }.joined()
    }

    mutating func parameter(_ depth: Int, inQuotes: Bool) -> String {
        let name = name()
        guard depth > 0 else { return "${\(name)}" }
        let inner =
            inQuotes ? pick([quoted(depth - 1), "\"" + pick(["a b", "$C", "x\\\\y"]) + "\""]) : plainInner(depth - 1)
        let trim = pick(["%/*", "##*/", "#a", "%%:*", "%b*", "#*:", "%[a-z]"])
        return pick([
            "${\(name):-\(inner)}", "${\(name)-\(inner)}", "${\(name):+\(inner)}", "${\(name)+\(inner)}",
            "${\(name):=\(inner)}",
            "${\(name)\(trim)}", "${\(name)}",
        ])
    }

    /// Blanks unquoted in a parameter are split where splitting happens.
    mutating func plainInner(_ depth: Int) -> String {
        pick(["x y", "word", "'s q'", "\"" + quoted(depth) + "\"", "$" + name(), "${" + name() + ":-z z}", ""])
    }

    /// An argument; its fields are compared through `echo`, so no backslashes.
    mutating func argument() -> String {
        pick([
            "plain", "'two  words'", "\"$\(name())\"", "$\(name())", "${\(name()):-d  e}", "\"\"", "\"${\(name())}x\"",
            "x$\(name())y",
            "\"${\(name()):-\"in  ner\"}\"",
        ])
    }

    mutating func pattern() -> String {
        pick(["*", "a*", "x", "'*'", "\"$\(name())\"", "?", "[a-m]*", "[!x]", "*b", "/usr/*", "\"two words\"", "plain"])
    }
}

@Suite struct PropertyTests {
    /// Whatever the evaluator does not refuse, both shells do the same way.
    @Test(arguments: ["/bin/dash", "/bin/bash"]) func randomScriptsAgree(_ shell: String) throws {
        var evaluated = 0
        let total: UInt64 = 400
        for seed in 0..<total {
            var generator = ScriptGenerator(seed: seed)
            let text = generator.script()
            guard let ours = RealShell.ours(text, watching: ScriptGenerator.names) else { continue }
            evaluated += 1
            guard let theirs = try RealShell.run(shell, text, watching: ScriptGenerator.names) else {
                Issue.record("the shell gave up, seed \(seed):\n\(text)")
                continue
            }
            #expect(ours.variables == theirs.variables, "seed \(seed):\n\(text)")
            #expect(ours.status == theirs.status, "seed \(seed):\n\(text)")
            #expect(ours.output == theirs.output, "seed \(seed):\n\(text)")
            let exported = theirs.environment.filter { ScriptGenerator.names.contains($0.key) }
            #expect(ours.environment == exported, "seed \(seed):\n\(text)")
        }
        #expect(evaluated > Int(total) / 2)
    }
}
