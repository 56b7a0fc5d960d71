/// A flag of Apptainer, or of a plugin of this repository: kept only so that using one that is not available is
/// answered with the reason, and is never taken for something else.
struct KnownFlag: Sendable {
    var long: String
    var short: UInt8
    /// As in `Flag`.
    var environment: String
    /// The plugin that provides it; empty when it is none of this repository.
    var plugin: String

    /// - Parameter line: one of `KnownFlags.lines`.
    private init?(_ line: Substring, of command: String) {
        let fields = line.split(separator: "|", omittingEmptySubsequences: false)
        guard fields.count == 5, fields[0].split(separator: ",").contains(where: { $0 == command }) else { return nil }
        (long, short) = (String(fields[1]), fields[2].utf8.first ?? 0)
        (environment, plugin) = (String(fields[3]), String(fields[4]))
    }

    func isSet(by key: String) -> Bool { environment.split(separator: " ").contains { $0 == key } }

    func matches(_ name: FlagParser.FlagName) -> Bool {
        switch name {
        case .long(let text): text == long
        case .short(let letter): letter == short
        }
    }

    /// Returns the flags of a command, those of plugins first, because their reason helps more.
    static func all(of command: String) -> [KnownFlag] {
        KnownFlags.lines.split(separator: "\n").compactMap { KnownFlag($0, of: command) }
    }
}
