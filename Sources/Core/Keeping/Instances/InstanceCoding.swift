import CLinux
import Linux

/// An `Instance` as the bytes of its state file.
extension Instance {
    private static let version = "skiff-instance/1"

    package func encoded() -> [UInt8] {
        var writer = FieldWriter(version: Self.version)
        writer.put("name", name)
        writer.put("image", image)
        writer.put("pid", first.text)
        writer.put("keeper", keeper.text)
        writer.put("boot", boot)
        writer.put("pid-namespace", String(pidNamespace))
        writer.put("namespaces", String(conditions.namespaces.rawValue))
        if let user = conditions.user {
            writer.put("uid", user.uid.text)
            writer.put("gid", user.gid.text)
        }
        if let root = conditions.root {
            writer.put("root", root.mode.rawValue)
            writer.put("filter", root.filter.rawValue)
        }
        writer.put("capabilities", String(conditions.capabilities))
        writer.put("no-new-privs", String(conditions.noNewPrivileges))
        if let target = conditions.target { writer.put("target", target.text) }
        if let label = conditions.label { writer.put("label", label.text) }
        writer.put("home", conditions.home)
        writer.put("binds", conditions.binds)
        for address in addresses { writer.put("address", address) }
        for plugin in conditions.plugins { writer.put("plugin", plugin) }
        conditions.attributes.write(to: &writer)
        conditions.limits.write(to: &writer)
        return writer.bytes
    }

    /// - Returns: nil for anything but a whole state file of this version.
    package init?(encoded bytes: [UInt8]) {
        guard let reader = FieldReader(bytes, version: Self.version),
            let name = reader.value("name"), Self.isName(name), let image = reader.value("image"),
            let first = Process(text: reader.value("pid")), let keeper = Process(text: reader.value("keeper")),
            let boot = reader.value("boot"), let pidNamespace = reader.value("pid-namespace").flatMap({ UInt64($0) }),
            let conditions = Conditions(reader)
        else { return nil }
        self.init(
            name: name, image: image, first: first, keeper: keeper, boot: boot, pidNamespace: pidNamespace,
            conditions: conditions, addresses: reader.values("address"))
    }
}

extension Instance.Process {
    fileprivate var text: String { "\(pid) \(startTime)" }

    fileprivate init?(text: String?) {
        let parts = (text ?? "").split(separator: " ")
        // 0 and negative numbers stand for process groups.
        guard parts.count == 2, let pid = pid_t(parts[0]), pid > 1, let time = UInt64(parts[1]) else { return nil }
        self.init(pid: pid, startTime: time)
    }
}

extension IDMap {
    fileprivate var text: String { "\(inside) \(outside)" }

    fileprivate init?(text: String) {
        let parts = text.split(separator: " ").map { UInt32($0) }
        guard parts.count == 2, let inside = parts[0], let outside = parts[1] else { return nil }
        self.init(inside: inside, outside: outside)
    }
}

extension Instance.Conditions {
    fileprivate init?(_ reader: FieldReader) {
        guard let namespaces = reader.value("namespaces").flatMap({ UInt64($0) }),
            let capabilities = reader.value("capabilities").flatMap({ UInt64($0) }),
            let noNewPrivileges = reader.value("no-new-privs").flatMap({ Bool($0) }),
            let home = reader.value("home"), let binds = reader.value("binds")
        else { return nil }
        self.namespaces = Namespaces(rawValue: namespaces)
        (self.capabilities, self.noNewPrivileges) = (capabilities, noNewPrivileges)
        (self.home, self.binds) = (home, binds)
        if let text = reader.value("target") {
            guard let user = ProgramUser(text) else { return nil }
            target = user
        }
        if let text = reader.value("label") {
            guard let label = SecurityLabel(text) else { return nil }
            self.label = label
        }
        guard let attributes = ProgramAttributes(reader) else { return nil }
        self.attributes = attributes
        guard let limits = [CgroupLimit](reader) else { return nil }
        self.limits = limits
        plugins = reader.values("plugin")
        switch (reader.value("uid"), reader.value("gid")) {
        case (nil, nil): user = nil
        case (let uid?, let gid?):
            guard let uid = IDMap(text: uid), let gid = IDMap(text: gid) else { return nil }
            user = Mapping(uid: uid, gid: gid)
        default: return nil
        }
        switch (reader.value("root"), reader.value("filter")) {
        case (nil, nil): root = nil
        case (let mode?, let filter?):
            guard let mode = RootMode(rawValue: mode), let filter = SyscallFilter.Kind(rawValue: filter) else {
                return nil
            }
            root = Root(mode: mode, filter: filter)
        default: return nil
        }
    }
}
