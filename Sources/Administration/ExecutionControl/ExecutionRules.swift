import Base
import Linux
import TOML

/// What ecl.toml says (Docs/spec/runtime.md §15). Whatever is not understood is an error: a rule that was misread would
/// let images run.
struct ExecutionRules: Sendable, Equatable {
    enum Mode: String, Sendable {
        /// One of the keys must have signed.
        case whitelist
        /// All of them must.
        case whitestrict
        /// None may.
        case blacklist
    }

    struct Group: Sendable, Equatable {
        var name: String
        var mode: Mode
        /// The directory whose images it is about; empty for all that have no group of their own.
        var directory: String
        /// 40 hexadecimal digits each.
        var fingerprints: [String]
    }

    private(set) var isActivated = false
    private(set) var groups: [Group] = []

    /// - Parameter name: of the file, for messages.
    init(parsing bytes: [UInt8], name: String) throws(SkiffError) {
        let table: TOMLTable
        do throws(TOMLError) {
            table = try TOMLReader.read(bytes)
        } catch {
            throw Self.problem(name, error.line, "\(error.reason) (column \(error.column))")
        }
        for entry in table.entries {
            switch (entry.key, entry.value) {
            case ("activated", .flag(let isActivated)): self.isActivated = isActivated
            // Signatures of old tools are never enough here.
            case ("legacyinsecure", .flag(let isAllowed)):
                if isAllowed { Log.verbose("\(name): legacyinsecure = true: such signatures are not accepted") }
            case ("execgroup", .list(let values)):
                for (index, value) in values.enumerated() {
                    let line = entry.lines.indices.contains(index) ? entry.lines[index] : entry.line
                    groups.append(try Self.group(value, name, line))
                }
            default: throw Self.problem(name, entry.line, "\(entry.key) is not known, or has the wrong kind of value")
            }
        }
        for (index, group) in groups.enumerated()
        where groups[..<index].contains(where: { $0.directory == group.directory }) {
            throw Self.problem(name, nil, "two execgroups have the dirpath '\(group.directory)'")
        }
    }

    private static func problem(_ name: String, _ line: Int?, _ reason: String) -> SkiffError {
        SkiffError(
            "cannot use the execution control list \(name)" + (line.map { ", line \($0)" } ?? "") + ": \(reason)",
            hint: "No image runs until it is mended")
    }

    private static func group(_ value: TOMLValue, _ name: String, _ line: Int) throws(SkiffError) -> Group {
        guard case .table(let table) = value else { throw problem(name, line, "execgroup must be a table") }
        var (title, mode, directory, fingerprints): (String, Mode?, String, [String]) = ("", nil, "", [])
        for entry in table.entries {
            switch (entry.key, entry.value) {
            case ("tagname", .text(let text)): title = text
            case ("mode", .text(let text)):
                guard let known = Mode(rawValue: text) else {
                    throw problem(name, entry.line, "no mode is called \(text)")
                }
                mode = known
            case ("dirpath", .text(let text)):
                guard text.isEmpty || text.hasPrefix("/") else {
                    throw problem(name, entry.line, "dirpath must be an absolute path")
                }
                // A directory that is not there has no images.
                directory = text.isEmpty ? "" : (try? realPath(text)) ?? text
            case ("keyfp", .list(let values)):
                for value in values {
                    guard case .text(let digits) = value, digits.utf8.count == 40,
                        digits.allSatisfy({ $0.isHexDigit && $0.isASCII })
                    else { throw problem(name, entry.line, "keyfp must list fingerprints of 40 hexadecimal digits") }
                    fingerprints.append(digits.uppercased())
                }
            default: throw problem(name, entry.line, "\(entry.key) is not known, or has the wrong kind of value")
            }
        }
        guard let mode else { throw problem(name, line, "an execgroup has no mode") }
        guard mode == .blacklist || !fingerprints.isEmpty else {
            throw problem(name, line, "an execgroup of mode \(mode.rawValue) lists no keyfp")
        }
        return Group(name: title, mode: mode, directory: directory, fingerprints: fingerprints)
    }

    /// Returns the group of an image: that of its directory, else the one without a directory.
    /// - Parameter path: without symbolic links.
    func group(of path: String) -> Group? {
        let directory = parentPath(path) ?? "/"
        return groups.first { $0.directory.utf8.elementsEqual(directory.utf8) } ?? groups.first { $0.directory.isEmpty }
    }
}
