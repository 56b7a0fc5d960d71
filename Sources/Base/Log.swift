import CLinux
import Linux
import Synchronization

/// Messages to stderr in Apptainer's format (Docs/spec/cli.md §1.2): a label padded to eight columns, a space, the
/// text.
///
/// Scripts read these lines; the level names and numbers are Apptainer's.
package enum Log {
    package enum Level: Int, Sendable {
        case fatal = -4
        case error = -3
        case warning = -2
        case log = -1
        case info = 1
        case verbose = 2
        case debug = 5

        package var label: String {
            switch self {
            case .fatal: "FATAL"
            case .error: "ERROR"
            case .warning: "WARNING"
            case .log: "LOG"
            case .info: "INFO"
            case .verbose: "VERBOSE"
            case .debug: "DEBUG"
            }
        }

        var color: String? {
            switch self {
            case .fatal, .error: "\u{1B}[31m"
            case .warning: "\u{1B}[33m"
            case .info: "\u{1B}[34m"
            case .log, .verbose, .debug: nil
            }
        }
    }

    private static let threshold = Atomic<Int>(Level.info.rawValue)
    private static let colored = Atomic<Bool>(false)

    /// Messages above this number are not printed.
    package static var level: Int {
        get { threshold.load(ordering: .relaxed) }
        set { threshold.store(newValue, ordering: .relaxed) }
    }

    /// Colour is used only when stderr is a terminal and neither `--nocolor` was given nor `NO_COLOR` set to any value,
    /// as https://no-color.org has it.
    package static func allowColor(_ allowed: Bool) {
        let isUnwanted = !(environmentValue("NO_COLOR") ?? "").isEmpty
        colored.store(allowed && !isUnwanted && isatty(2) == 1, ordering: .relaxed)
    }

    package static var isColored: Bool { colored.load(ordering: .relaxed) }

    /// The description of an error, which may have several lines.
    package static func message(_ level: Level, _ error: SkiffError) { write(level, error.description, lines: true) }
    package static func message(_ level: Level, _ text: String) { write(level, text) }
    package static func fatal(_ text: String) { write(.fatal, text) }
    package static func error(_ text: String) { write(.error, text) }
    package static func warning(_ text: String) { write(.warning, text) }
    package static func info(_ text: String) { write(.info, text) }
    package static func verbose(_ text: @autoclosure () -> String) { if level >= 2 { write(.verbose, text()) } }
    package static func debug(_ text: @autoclosure () -> String, function: String = #function) {
        if level >= Level.debug.rawValue { write(.debug, text(), function: function) }
    }

    /// The one place where foreign text reaches stderr: unless the lines are known to be ours, it is made one line.
    private static func write(_ kind: Level, _ text: String, function: String = "", lines: Bool = false) {
        guard kind.rawValue <= level else { return }
        var label = pad(kind.label + ":", to: 8)
        if level >= Level.debug.rawValue {
            label =
                pad(kind.label, to: 8) + pad("[U=\(effectiveUID()),P=\(processID())]", to: 19) + pad(function, to: 30)
        } else {
            label += " "
        }
        if colored.load(ordering: .relaxed), let color = kind.color { label = color + label + "\u{1B}[0m" }
        // One write per line, so that lines of several processes do not mix. A closed stderr is not our failure.
        try? writeFully(2, label + (lines ? text.printableLines : text.printable) + "\n")
    }

    private static func pad(_ text: String, to width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.utf8.count))
    }
}
