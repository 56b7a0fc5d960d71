package import Base
package import CLinux
import Core
import Linux

/// The administrator's capability.json: which capabilities root, users and groups have (Docs/spec/runtime.md §15).
package struct CapabilityFile: Sendable {
    package let path: String

    package init(_ path: String) { self.path = path }

    package static func ofInstallation(_ installation: Installation) -> CapabilityFile {
        CapabilityFile(installation.configurationDirectory + "/capability.json")
    }

    /// Returns what the file says; nothing for a file that is not there.
    package func read() throws(SkiffError) -> CapabilityGrants {
        let file = ConfigurationFile(path, .administrator, name: "capability file")
        guard let bytes = try file.read(limit: 1 << 20) else { return CapabilityGrants() }
        return try CapabilityGrants(parsing: bytes, name: path)
    }

    /// Changes the file: whole, or not at all, and by one process at a time.
    package func change(_ body: (inout CapabilityGrants) throws(SkiffError) -> Void) throws(SkiffError) {
        guard effectiveUID() == 0 else {
            throw SkiffError("while managing capability file: only root user can manage capabilities")
        }
        let folder = parentPath(path) ?? "/"
        // The file itself is replaced, and with it any lock on it: the directory is what stays.
        let lock = try during("while opening capability config file: cannot lock \(folder)") { () throws(Errno) in
            try makeDirectories(folder, mode: 0o755)
            let lock = try open(folder, O_RDONLY | O_DIRECTORY)
            try Linux.lock(lock.raw)
            return lock
        }
        try Trust.ofThisProcess.check(open: lock.raw, folder)
        var grants = try read()
        let before = grants
        try body(&grants)
        if grants == before { return }
        try during("while writing capability config file: \(path)") { () throws(Errno) in
            try AtomicFile.replace(path, grants.text.bytes, mode: 0o644, durable: true)
        }
        try? lock.close()
    }
}

/// Capabilities by names of users and groups, in the order in which they were given.
package struct CapabilityGrants: Sendable, Equatable {
    package enum Kind: String, Sendable { case user, group }

    package struct Entry: Sendable, Equatable {
        package var name: String
        /// `CAP_X`.
        package var capabilities: [String]
    }

    package private(set) var users: [Entry] = []
    package private(set) var groups: [Entry] = []

    package init() {}

    /// - Throws: for JSON that is not whole, and for members that are not known: what grants is not guessed at.
    package init(parsing bytes: [UInt8], name: String) throws(SkiffError) {
        func problem(_ reason: String) -> SkiffError {
            SkiffError("while parsing capability config data: \(name): \(reason)")
        }
        if bytes.allSatisfy({ $0 == 0x20 || $0 == 0x0A }) { return }
        let json: JSONText
        do throws(JSONReader.Malformed) {
            json = try JSONReader.read(bytes)
        } catch {
            throw problem(error.description)
        }
        guard case .object(let members) = json else { throw problem("it is no object") }
        for member in members {
            guard let kind: Kind = ["users": .user, "groups": .group][member.name] else {
                throw problem("the member \(member.name) is not known")
            }
            guard case .object(let entries) = member.value else { throw problem("\(member.name) is no object") }
            for entry in entries {
                guard case .array(let values) = entry.value else { throw problem("\(entry.name) has no list") }
                var names: [String] = []
                for value in values {
                    guard let text = value.stringValue, Capability.number(of: text) != nil else {
                        throw problem("\(entry.name) has an unknown capability")
                    }
                    names.append(text)
                }
                self[kind].append(Entry(name: entry.name, capabilities: names))
            }
        }
    }

    package subscript(kind: Kind) -> [Entry] {
        get { kind == .user ? users : groups }
        set { if kind == .user { users = newValue } else { groups = newValue } }
    }

    package func capabilities(of name: String, _ kind: Kind) -> [String] {
        self[kind].first { $0.name == name }?.capabilities ?? []
    }

    package mutating func set(_ capabilities: [String], of name: String, _ kind: Kind) {
        self[kind].removeAll { $0.name == name && capabilities.isEmpty }
        if let index = self[kind].firstIndex(where: { $0.name == name }) {
            self[kind][index].capabilities = capabilities
        } else if !capabilities.isEmpty {
            self[kind].append(Entry(name: name, capabilities: capabilities))
        }
    }

    /// Returns the bits of all that a user has by name and by groups.
    package func granted(to uid: uid_t) -> UInt64 {
        guard let user = userRecord(uid: uid) else { return 0 }
        let own = capabilities(of: user.name, .user)
        let gids = [user.gid] + (uid == effectiveUID() ? supplementaryGroups() : [])
        let shared = Set(gids).compactMap { groupName(gid: $0) }.flatMap { capabilities(of: $0, .group) }
        return Capability.set(of: own + shared, all: Capability.everything).bits
    }

    /// As Apptainer writes it: indented by tabs, without a line feed at the end.
    package var text: String {
        func object(_ entries: [Entry]) -> JSONText? {
            entries.isEmpty ? nil : .object(entries.map { .init($0.name, .strings($0.capabilities)) })
        }
        return JSONText.members(["users": object(users), "groups": object(groups)]).text(indent: "\t")
    }
}
