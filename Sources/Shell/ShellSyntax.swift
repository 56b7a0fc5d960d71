/// The part of the shell's language that the usual builders write into environment scripts, as a tree. Anything else is
/// not understood, and is left to a real shell (Docs/decisions/002).

/// The script holds something outside this grammar: a real shell has to run it. Not a failure.
package struct NeedsShell: Error, Sendable, Equatable {
    /// What was met, for `--debug` and the tests.
    package let reason: String
    package init(_ reason: String) { self.reason = reason }
}

/// A word before expansion.
package struct ShellWord: Sendable, Equatable {
    var parts: [ShellPart] = []
}

package enum ShellPart: Sendable, Equatable {
    /// Unquoted text: `*`, `?` and `[` in it are patterns.
    case literal([UInt8])
    /// Text in quotes or after a backslash; empty for `""`, which makes a field all the same.
    case quoted([UInt8])
    case parameter(ShellParameter, quoted: Bool)
    /// `~` where it stands for HOME.
    case home
}

package indirect enum ShellParameter: Sendable, Equatable {
    case plain(Name)
    /// `${#NAME}`.
    case length(Name)
    /// `${NAME-word}` and its relatives; `colon`: an empty value counts as unset.
    case conditional(Name, Condition, colon: Bool, ShellWord)
    /// `${NAME%pattern}` and its relatives.
    case trimmed(Name, Trim, ShellWord)

    package enum Name: Sendable, Equatable {
        case variable([UInt8])
        case positional(Int)
        /// `$@`
        case all
        /// `$*`
        case joined
        /// `$#`
        case count
        /// `$?`
        case status
    }

    package enum Condition: Sendable, Equatable {
        case useDefault, assignDefault, useAlternative
    }

    package enum Trim: Sendable, Equatable {
        case shortPrefix, longPrefix, shortSuffix, longSuffix
    }
}

package struct ShellAssignment: Sendable, Equatable {
    var name: [UInt8]
    var value: ShellWord
}

/// An argument; `export` and `unset` recognise one that looks like an assignment, which is never split.
package enum ShellArgument: Sendable, Equatable {
    case word(ShellWord)
    case assignment(ShellAssignment)
}

package enum ShellBuiltin: String, Sendable {
    case colon = ":"
    case yes = "true"
    case no = "false"
    case export
    case unset
    case test
    case bracket = "["
    case dot = "."
    case source
    case echo
    case exit
    case `return`
    case set
    case shift
    case exec
    case eval
}

package indirect enum ShellCommand: Sendable, Equatable {
    case assign([ShellAssignment])
    case builtin(ShellBuiltin, [ShellArgument])
    case sequence([ShellCommand])
    case and(ShellCommand, ShellCommand)
    case or(ShellCommand, ShellCommand)
    case not(ShellCommand)
    case conditional([Branch], otherwise: ShellCommand?)
    case select(ShellWord, [Choice])
    /// `for name in words`; without `in`, over the positional parameters.
    case each([UInt8], in: [ShellWord]?, ShellCommand)

    package struct Branch: Sendable, Equatable {
        var condition: ShellCommand
        var body: ShellCommand
    }

    package struct Choice: Sendable, Equatable {
        var patterns: [ShellWord]
        var body: ShellCommand
    }
}
