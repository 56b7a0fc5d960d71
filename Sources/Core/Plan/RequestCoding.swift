package import Base
import Linux

/// A `Request` as bytes: how `skiff-image` hands `%post` and `%test` to `skiff` (Docs/decisions/008). Fields
/// `key=value`, each ended by NUL, after a first field that names the version; repeated keys keep their order. Only
/// skiff of the same installation reads it.
extension Request {
    private static let version = "skiff-request/1"

    package func encoded() -> [UInt8] {
        var writer = FieldWriter(version: Self.version)
        writer.put("action", action.rawValue)
        writer.put("image", image)
        for argument in arguments { writer.put("argument", argument) }
        for bind in binds { writer.put("bind", bind) }
        if let home { writer.put("home", home) }
        for (key, path) in Self.flags where self[keyPath: path] { writer.put(key, "true") }
        for (key, path) in Self.texts { if let text = self[keyPath: path] { writer.put(key, text) } }
        for (key, path) in Self.lists { for text in self[keyPath: path] { writer.put(key, text) } }
        for word in security.words { writer.put("security", word) }
        for (name, value) in environment { writer.put("env", name + "=" + value) }
        writer.put("user", userMapping.rawValue)
        if let programUser { writer.put("program-user", programUser.text) }
        if let inheritedRoot {
            writer.put("root", inheritedRoot.mode.rawValue)
            if let supervisor = inheritedRoot.supervisor { writer.put("supervisor", String(supervisor)) }
        }
        for flag in pluginFlags {
            writer.put("plugin-flag", flag.name)
            if !flag.plugin.isEmpty { writer.put("plugin", flag.plugin) }
            for value in flag.values { writer.put("plugin-value", value) }
        }
        return writer.bytes
    }

    /// - Throws: when the bytes are not a request of this version.
    package init(encoded bytes: [UInt8]) throws(SkiffError) {
        guard let fields = FieldReader(bytes, version: Self.version)?.fields else {
            throw SkiffError(
                "cannot read the request: it is not \(Self.version)",
                hint: "skiff and skiff-image must be of one version")
        }
        guard let action = fields.first(where: { $0.key == "action" }).flatMap({ Action(rawValue: $0.value) }),
            let image = fields.first(where: { $0.key == "image" })?.value
        else { throw SkiffError("cannot read the request: it names no action or image") }
        self.init(action: action, image: image)
        for field in fields { try take(field.key, field.value, field.bytes) }
    }

    private mutating func take(_ key: String, _ value: String, _ bytes: [UInt8]) throws(SkiffError) {
        if let path = Self.flags.first(where: { $0.0 == key })?.1 { return self[keyPath: path] = value == "true" }
        if let path = Self.texts.first(where: { $0.0 == key })?.1 { return self[keyPath: path] = value }
        if let path = Self.lists.first(where: { $0.0 == key })?.1 { return self[keyPath: path].append(value) }
        switch key {
        case "action", "image": break
        case "security": security = try SecurityOptions(security.words + [value])
        case "argument": arguments.append(bytes)
        case "bind": binds.append(try FieldReader.bind(bytes))
        case "bind-part":
            guard binds.last?.part != nil else { throw FieldReader.unknown(key, value) }
            binds[binds.count - 1].part?.path = value
        case "home": home = try FieldReader.bind(bytes)
        case "env":
            let parts = value.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            environment.append((String(parts[0]), parts.count > 1 ? String(parts[1]) : ""))
        case "user":
            guard let mapping = UserMapping(rawValue: value) else { throw FieldReader.unknown(key, value) }
            userMapping = mapping
        case "program-user":
            guard let user = ProgramUser(value) else { throw FieldReader.unknown(key, value) }
            programUser = user
        case "root":
            guard let mode = RootMode(rawValue: value) else { throw FieldReader.unknown(key, value) }
            inheritedRoot = InheritedRoot(mode: mode, supervisor: nil)
        case "supervisor":
            guard let number = Int32(value), number > 2, inheritedRoot != nil else {
                throw FieldReader.unknown(key, value)
            }
            inheritedRoot?.supervisor = number
        case "plugin-flag": pluginFlags.append(PluginFlagUse(value, []))
        case "plugin", "plugin-value":
            guard !pluginFlags.isEmpty else { throw FieldReader.unknown(key, value) }
            let last = pluginFlags.count - 1
            if key == "plugin" { pluginFlags[last].plugin = value } else { pluginFlags[last].values.append(value) }
        default: throw FieldReader.unknown(key, value)
        }
    }

    // A computed list: key paths are not Sendable enough for a stored global, and this is not a hot path.
    private static var flags: [(String, WritableKeyPath<Request, Bool>)] {
        [
            ("no-home", \.noHome), ("contain", \.contain), ("writable", \.writable), ("underlay", \.underlay),
            ("unsquash", \.unsquash), ("cleanenv", \.cleanEnvironment), ("no-eval", \.noEvaluation),
            ("no-umask", \.noUmask), ("pid", \.newPID), ("ipc", \.newIPC), ("uts", \.newUTS), ("net", \.newNetwork),
            ("no-init", \.noInit), ("sharens", \.sharesContainer), ("keep-privs", \.keepPrivileges),
            ("no-privs", \.noPrivileges),
            ("allow-setuid", \.allowSetuid), ("build-config", \.buildConfiguration),
            ("exact-env", \.exactEnvironment),
            ("ignore-subuid", \.ignoreSubuid), ("ignore-fakeroot-command", \.ignoreFakerootCommand),
        ]
    }

    private static var texts: [(String, WritableKeyPath<Request, String?>)] {
        [
            ("workdir", \.workdir), ("tmpdir", \.temporaryDirectory), ("app", \.app), ("shell", \.shell),
            ("hostname", \.hostname), ("cwd", \.directory),
            ("config", \.configurationFile),
        ]
    }

    private static var lists: [(String, WritableKeyPath<Request, [String]>)] {
        [
            ("scratch", \.scratch), ("no-mount", \.noMount), ("env-file", \.environmentFiles),
            ("no-env", \.noEnvironment), ("add-caps", \.addCapabilities), ("drop-caps", \.dropCapabilities),
            ("dns", \.dns),
        ]
    }
}

extension FieldWriter {
    mutating func put(_ key: String, _ bind: Request.Bind) {
        // The length tells where the source ends: a path may hold any other byte.
        let source = bind.source.bytes
        var options = (bind.readOnly ? "ro" : "rw") + (bind.isNested ? "" : ",nonested")
        if let part = bind.part { options += ",image" + (part.id.map { ",id=\($0)" } ?? "") }
        put(key, Array("\(options):\(source.count):".utf8) + source + bind.destination.bytes)
        if let part = bind.part { put(key + "-part", part.path) }
    }
}

extension FieldReader {
    static func bind(_ bytes: [UInt8]) throws(SkiffError) -> Request.Bind {
        let parts = bytes.split(separator: ASCII.colon, maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let length = Int(String(bytes: parts[1])), length >= 0, length <= parts[2].count else {
            throw unknown("bind", String(bytes: bytes))
        }
        let options = parts[0].split(separator: UInt8(ascii: ",")).map { String(bytes: $0) }
        var bind = Request.Bind(
            source: String(bytes: parts[2].prefix(length)), destination: String(bytes: parts[2].dropFirst(length)),
            readOnly: options.contains("ro"), isNested: !options.contains("nonested"))
        if options.contains("image") {
            var part = Request.ImagePart()
            part.id = options.first { $0.hasPrefix("id=") }.flatMap { UInt32($0.dropFirst(3)) }
            bind.part = part
        }
        return bind
    }

    static func unknown(_ key: String, _ value: String) -> SkiffError {
        SkiffError("cannot read the request: \(key) has the unknown value '\(value)'")
    }
}
