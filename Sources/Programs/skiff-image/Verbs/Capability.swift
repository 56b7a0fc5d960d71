import Administration
import Base
import Core
import Grammar
import Linux

/// `capability add|drop|list|avail` (Docs/spec/cli.md §12).
struct CapabilityCommand {
    private let invocation: Invocation
    private let file: CapabilityFile
    private let program: ProgramName

    init(_ invocation: Invocation, _ installation: Installation, _ program: ProgramName) {
        (self.invocation, self.program) = (invocation, program)
        file = .ofInstallation(installation)
    }

    func run() throws(SkiffError) {
        let word = invocation.positionals.first ?? ""
        switch invocation.command {
        case "capability add":
            try change("add") { (grants, name, kind) throws(SkiffError) in
                try grants.add(word, to: name, kind, program: program.text)
            }
        case "capability drop":
            try change("drop") { (grants, name, kind) throws(SkiffError) in try grants.drop(word, of: name, kind) }
        case "capability avail": try describe(word)
        default: try list(word)
        }
    }

    private typealias Change = (inout CapabilityGrants, String, CapabilityGrants.Kind) throws(SkiffError) -> [String]

    private func change(_ verb: String, _ change: Change) throws(SkiffError) {
        let named = [(invocation[.user], CapabilityGrants.Kind.user), (invocation[.group], .group)]
            .compactMap { name, kind in name.map { ($0, kind) } }
        let failed = "Unable to \(verb) capabilities: "
        if named.isEmpty { throw SkiffError(failed + "no user or group specified") }
        do throws(SkiffError) {
            try file.change { grants throws(SkiffError) in
                for (name, kind) in named {
                    for text in try change(&grants, name, kind) { Log.warning(text) }
                }
            }
        } catch {
            for text in error.details { Log.warning(text) }
            throw SkiffError(failed + error.message, errno: error.errno, hint: error.hint)
        }
    }

    private func list(_ name: String) throws(SkiffError) {
        let grants = try file.read()
        var text = ""
        for (kind, entries) in [(CapabilityGrants.Kind.user, grants.users), (.group, grants.groups)] {
            for entry in entries where (name.isEmpty || entry.name == name) && !entry.capabilities.isEmpty {
                text += "\(entry.name) [\(kind.rawValue)]: \(entry.capabilities.joined(separator: ","))\n"
            }
        }
        guard !text.isEmpty else {
            throw SkiffError(
                "Unable to list capabilities: no capability set for "
                    + (name.isEmpty ? "users or groups" : "user/group \(name)"))
        }
        try during("cannot write the list") { () throws(Errno) in try writeAnswer(text) }
    }

    private func describe(_ words: String) throws(SkiffError) {
        let (known, unknown) = CapabilityGrants.names(words)
        guard unknown.isEmpty else {
            throw SkiffError(
                "Unable to list available capabilities: unknown capabilities found in: "
                    + unknown.joined(separator: ","))
        }
        var text = ""
        for name in words.isEmpty ? Capability.allNames : known {
            let heading = name + ":"
            text += heading + String(repeating: " ", count: max(1, 23 - heading.utf8.count)) + name + "\n"
            text += "\t\(Capability.description(of: name))\n\n"
        }
        try during("cannot write the list") { () throws(Errno) in try writeAnswer(text) }
    }
}
