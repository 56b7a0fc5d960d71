package import Base
import Core
import Linux

extension CapabilityGrants {
    /// Adds capabilities to those of a user or group that the host knows.
    /// - Returns: warnings, with Apptainer's texts.
    package mutating func add(_ words: String, to name: String, _ kind: Kind, program: String) throws(SkiffError)
        -> [String]
    {
        try Self.check(name, kind)
        let (wanted, unknown) = Self.names(words)
        var warnings = unknown.isEmpty ? [] : [Self.ignoring(unknown)]
        var present = capabilities(of: name, kind)
        for capability in wanted {
            guard !present.contains(capability) else {
                warnings.append("Won't add capability '\(capability)', already assigned to \(kind.rawValue) \(name)")
                continue
            }
            present.append(capability)
            if kind == .group { continue }
            warnings.append(
                "Adding '\(capability)' capability will likely allow user \(name) to escalate privilege on the host")
            warnings.append(
                "Use '\(program) capability drop --user \(name) \(capability)' to reverse this action if necessary")
        }
        set(present, of: name, kind)
        return warnings
    }

    package mutating func drop(_ words: String, of name: String, _ kind: Kind) throws(SkiffError) -> [String] {
        try Self.check(name, kind)
        let (wanted, unknown) = Self.names(words)
        var warnings = unknown.isEmpty ? [] : [Self.ignoring(unknown)]
        var present = capabilities(of: name, kind)
        guard !present.isEmpty else {
            throw SkiffError(
                "while setting capabilities for \(kind.rawValue) \(name): \(kind.rawValue) '\(name)' doesn't have any "
                    + "capability assigned", details: warnings.isEmpty ? [] : warnings)
        }
        for capability in wanted {
            if present.contains(capability) {
                present.removeAll { $0 == capability }
            } else {
                warnings.append("Won't drop capability '\(capability)', not assigned to \(kind.rawValue) \(name)")
            }
        }
        set(present, of: name, kind)
        return warnings
    }

    private static func ignoring(_ unknown: [String]) -> String {
        "Ignoring unknown capabilities: [\(unknown.joined(separator: " "))]"
    }

    private static func check(_ name: String, _ kind: Kind) throws(SkiffError) {
        let isKnown = kind == .user ? userRecord(name: name) != nil : groupID(name: name) != nil
        guard isKnown else {
            throw SkiffError(
                "while setting capabilities for \(kind.rawValue) \(name): \(kind.rawValue) does not exist")
        }
    }

    /// Returns `CAP_X` for the words of a comma list, `all` included, each once, and the words that name nothing.
    package static func names(_ words: String) -> (known: [String], unknown: [String]) {
        var (known, unknown): ([String], [String]) = ([], [])
        for word in words.split(separator: ",") {
            let text = word.filter { !$0.isWhitespace }
            if text.lowercased() == "all" {
                known += Capability.allNames
            } else if let number = Capability.number(of: text) {
                known.append(Capability.allNames[number])
            } else if !text.isEmpty {
                let name = text.uppercased()
                unknown.append(name.hasPrefix("CAP_") ? name : "CAP_" + name)
            }
        }
        var seen: Set<String> = []
        return (known.filter { seen.insert($0).inserted }, unknown)
    }
}
