import Base
import Linux

/// What `--explain` prints: the very plan that the launcher would execute, line by line, with the reason of each line.
extension Plan {
    package func text() -> String {
        sections.flatMap { title, rows in [title] + rows.map { "  " + $0.printable } }.map { $0 + "\n" }.joined()
    }

    /// Leaves out variables, which may be secrets, and messages, which are shown anyway.
    func logSections() {
        for (title, rows) in sections where title != "environment" && title != "messages" {
            for row in rows { Log.debug("\(title): \(row)") }
        }
    }

    private var sections: [(title: String, rows: [String])] {
        var found: [(title: String, rows: [String])] = []
        func section(_ title: String, _ rows: [String]) {
            if !rows.isEmpty { found.append((title, rows)) }
        }
        section("image", imageRows)
        section("processes", [processText] + sharingRows)
        section("namespaces", namespaceRows + userRows)
        section("networks, in order", networkRows)
        section("layers, lowest first", layerRows)
        section("session", sessionRows)
        section("images of binds", images.map(\.text))
        section("mounts, in order", mounts.map { $0.row(images) })
        section("environment", environment.rows)
        section("start", startRows + attributeRows)
        section("privileges", privilegeRows)
        section("limits", limitRows)
        section("plugins", plugins.map { "\($0.id) \($0.version): because of \($0.trigger)" })
        section("messages", allMessages.map { "\($0.level.label): \($0.text)" })
        section("notes", notes.map { "\($0.origin): \($0.text)" })
        return found
    }

    private var imageRows: [String] {
        var rows = [image.path, imageText]
        if image.driver == .server, let owner = image.owner {
            rows.append("every file belongs to uid \(owner.uid), gid \(owner.gid)")
        }
        return rows
    }

    var imageText: String {
        let place = "at byte \(image.range.offset), \(image.range.size) bytes"
        return switch image.driver {
        case .directory: "a directory, bound \(image.writable ? "for reading and writing" : "read-only")"
        case .loop:
            "\(image.filesystem.rawValue) \(place), by the kernel on a loop device"
                + (image.isSynchronous ? ", written at once" : "")
        case .deviceMapper:
            "squashfs encrypted as \(image.encryption?.label ?? "") \(place), by the kernel, decrypted by dm-crypt on a loop device"
        case .server:
            "squashfs \(image.encryption.map { "encrypted as \($0.label) " } ?? "")\(place), by the image server skiff-mount"
        case .extracted: "\(image.filesystem.rawValue) \(place), extracted to a private directory"
        }
    }

    var processText: String {
        switch process {
        case .inPlace: "skiff becomes the program: nothing has to be waited for"
        case .monitored: "skiff waits, its child becomes the program"
        case .shim: "skiff waits, its child is PID 1 and starts the program"
        }
    }

    private var sharingRows: [String] {
        if let instance {
            return ["it stays as instance \(instance.name), \(instance.directory.statePath(instance.name))"]
        }
        guard let sharing else { return [] }
        let reason = sharing.isAsked ? "--sharens" : "they belong to one step of a job"
        return ["all that the same parent or job step starts for this container share it (\(reason))"]
    }

    private var namespaceRows: [String] {
        guard let joinedNetwork else { return namespaces.names }
        return namespaces.subtracting(.network).names + [joinedNetwork.text]
    }

    private var networkRows: [String] {
        networks.map { network in
            let arguments = network.arguments.isEmpty ? "" : ", with " + network.arguments.joined(separator: " ")
            return "\(network.name) as \(network.interface)\(arguments) (\(network.origin))"
        }
    }

    private var userRows: [String] {
        let outer = outerUser.map { ["user: made inside that of a plugin (\($0.reason), \($0.origin))"] } ?? []
        switch user {
        case .none: return []
        case .new(let uid, let gid):
            return ["user: uid \(uid.outside) is \(uid.inside), gid \(gid.outside) is \(gid.inside)"] + outer
        case .ranges(let ids, let uid, let gid):
            return [
                "user: uid \(uid) is 0, \(ids.users.count) ids from \(ids.users.first) on are those from 1 on, gid \(gid) "
                    + "is 0, \(ids.groups.count) ids from \(ids.groups.first) on are those from 1 on"
            ] + outer
        }
    }

    private var layerRows: [String] {
        var rows: [String] = []
        switch image.targets {
        case .overlay: rows.append("mount targets that the image lacks (only if any: an overlay is made then)")
        case .underlay: rows.append("mount targets that the image lacks, by an underlay")
        case .none: break
        }
        rows.append("the image")
        for layer in layers {
            switch layer.kind {
            case .lower(let path): rows.append("\(path), read-only (\(layer.reason), \(layer.origin))")
            case .upper(let upper, let work):
                rows.append("\(upper), writable, work directory \(work) (\(layer.reason), \(layer.origin))")
            case .temporaryUpper: rows.append("memory, writable (\(layer.reason), \(layer.origin))")
            case .served(let image): rows.append("\(image.text) (\(layer.reason), \(layer.origin))")
            }
        }
        return rows
    }

    private var sessionRows: [String] {
        [
            "\(session.type.rawValue), " + (session.size.map { "at most \($0) bytes" } ?? "without a limit"),
            "later mounts of the host \(session.receivesMounts ? "appear" : "do not appear") in the container",
        ]
    }

    private var startRows: [String] {
        var rows: [String] = []
        switch directory {
        case .required(let path): rows.append("in \(path)")
        case .preferred(let paths): rows.append("in the first of " + paths.joined(separator: ", "))
        }
        rows.append("umask " + String(umask, radix: 8))
        if let hostname { rows.append("host name \(hostname)") }
        return rows
    }

    private var limitRows: [String] {
        guard let cgroup, !cgroup.limits.isEmpty else { return [] }
        return cgroup.limits.map(\.text)
            + (cgroup.isJoined
                ? ["by the cgroup of the instance"]
                : cgroup.places.map { "by a cgroup of version \($0.version.rawValue) below \($0.directory)" })
    }

    private var attributeRows: [String] {
        attributes.groups.map { "member of group \($0.gid) (\($0.cause.text))" }
            + attributes.limits.map {
                "\($0.resource.text) \($0.value.soft.limitText), at most \($0.value.hard.limitText) (\($0.cause.text))"
            }
            + attributes.sysctls.map { "\($0.name) = \($0.value) (\($0.cause.text))" }
            + attributes.filters.map { "a filter of \($0.program.count / 8) instructions (\($0.cause.text))" }
            + attributes.wrappers.map { wrapper in
                "by " + wrapper.words.map { String(bytes: $0) }.joined(separator: " ") + " (\(wrapper.cause.text))"
            }
    }

    private var privilegeRows: [String] {
        let names = Capability.names(of: privileges.capabilities)
        var rows = [names.isEmpty ? "no capabilities" : "capabilities " + names.joined(separator: ",")]
        if privileges.noNewPrivileges { rows.append("no_new_privs") }
        if privileges.allowSetuid { rows.append("set-user-ID programs of the image work") }
        if let root {
            let count = root.filter.program.count / 8
            rows.append("\(root.mode.rawValue) root: a \(root.filter.kind.rawValue) filter of \(count) instructions")
        }
        if let label = privileges.label { rows.append("the label \(label.text)") }
        if let user = privileges.user ?? privileges.target {
            let groups = user.groups.map(String.init).joined(separator: ",")
            rows.append("user \(user.uid), group \(user.gid), " + (groups.isEmpty ? "no groups" : "groups \(groups)"))
        }
        return rows
    }
}

extension Mount {
    fileprivate func row(_ images: [ServedLayer]) -> String {
        var text = "\(destination) from \(sourceText(images))"
        if !attributes.names.isEmpty { text += " [" + attributes.names.joined(separator: ",") + "]" }
        return text + " (\(reason)" + (origin == "core" ? ")" : ", \(origin))")
    }
}

extension UInt64 {
    /// A resource limit for people.
    fileprivate var limitText: String { self == .max ? "unlimited" : String(self) }
}

extension MountAttributes {
    var names: [String] {
        [(.readOnly, "ro"), (.noSuid, "nosuid"), (.noDev, "nodev"), (.noExec, "noexec")]
            .filter { (attribute: MountAttributes, _) in contains(attribute) }.map { $0.1 }
    }
}

extension Namespaces {
    var names: [String] {
        [(.mount, "mnt"), (.pid, "pid"), (.ipc, "ipc"), (.uts, "uts"), (.network, "net"), (.cgroup, "cgroup")]
            .filter { (namespace: Namespaces, _) in contains(namespace) }.map { $0.1 }
    }
}
