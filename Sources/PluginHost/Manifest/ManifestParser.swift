import Core

extension Manifest {
    /// Reads the text of a manifest.
    ///
    /// Everything that later code relies on is checked here: names that become flags, file names or ids hold harmless
    /// characters only, and signatures fit the types of their flags.
    package init(parsing bytes: [UInt8]) throws(ManifestError) {
        let blocks = try manifestBlocks(bytes)
        guard let head = blocks.first else { throw ManifestError(line: 0, reason: "empty") }
        try self.init(head: ManifestFields(head))
        for block in blocks.dropFirst() {
            let fields = ManifestFields(block)
            switch block.name {
            case "flag": flags.append(try ManifestFlag(fields))
            case "command": commands.append(try ManifestCommand(fields))
            case "probe": probes.append(try ManifestProbe(fields))
            default: throw ManifestError(line: block.line, reason: "unknown block [\(block.name)]")
            }
            if let twice = firstRepeated(flags.map(\.name)) ?? firstRepeated(commands.map(\.name)) {
                throw ManifestError(line: block.line, reason: "\(twice) is there twice")
            }
        }
    }

    private init(head: ManifestFields) throws(ManifestError) {
        var fields = head
        let id = try fields.required("id")
        guard isPluginID(id.value) else {
            throw ManifestError(line: id.line, reason: "id is a reverse-domain name like org.example.hello")
        }
        let library = try fields.required("library")
        guard isFileName(library.value), library.value.hasSuffix(".so") else {
            throw ManifestError(line: library.line, reason: "library is a file name that ends with .so")
        }
        let abi = try fields.required("abi")
        guard let range = parseABIRange(abi.value) else {
            throw ManifestError(line: abi.line, reason: "abi is like 0.1 or 0.1-0.3")
        }
        self.init(
            id: id.value, version: try fields.required("version").value, abi: range, library: library.value)
        if let name = fields.take("name"), !name.value.isEmpty { self.name = name.value }
        sha256 = fields.text("sha256")
        license = fields.text("license")
        description = fields.text("description")
        priority = try fields.integer("priority", -1000...1000) ?? 0
        after = fields.words("after")
        before = fields.words("before")
        privileged = try fields.choice("privileged", of: Privileged.self) ?? .root
        allowsDrafts = try fields.bool("draft-ok")
        extensions = fields.words("extensions")
        if !allowsDrafts, let draft = extensions.first(where: Self.drafts.contains) {
            throw ManifestError(line: fields.line, reason: "\(draft) is a draft and needs draft-ok = yes")
        }
        let phaseLine = fields.line
        for word in fields.words("phases") {
            guard let phase = PluginPhase(rawValue: word) else {
                throw ManifestError(line: phaseLine, reason: "there is no phase \(word)")
            }
            phases.append(phase)
        }
        try readSchemes(&fields)
        configurationKeys = fields.phrases("config-keys")
        if let key = configurationKeys.first(where: { !$0.hasPrefix("always use ") }) {
            throw ManifestError(line: fields.line, reason: "config-keys begin with always use, not \(key)")
        }
        imageFacts = fields.words("image-facts")
        try fields.finish()
    }

    private mutating func readSchemes(_ fields: inout ManifestFields) throws(ManifestError) {
        (schemes, pushSchemes) = (fields.words("schemes"), fields.words("push-schemes"))
        let line = fields.line
        if let wrong = schemes.first(where: { !isURIScheme($0) }) {
            throw ManifestError(line: line, reason: "a scheme has small letters, digits, +, - and ., unlike \(wrong)")
        }
        if let taken = schemes.first(where: BuiltInTransport.reserved.contains) {
            throw ManifestError(line: line, reason: "the scheme \(taken) is skiff's own")
        }
        if let twice = firstRepeated(schemes) ?? firstRepeated(pushSchemes) {
            throw ManifestError(line: line, reason: "the scheme \(twice) is there twice")
        }
        if let missing = pushSchemes.first(where: { !schemes.contains($0) }) {
            throw ManifestError(line: line, reason: "\(missing) of push-schemes is not among the schemes")
        }
        guard schemes.isEmpty != extensions.contains(Self.transport) else {
            throw ManifestError(line: line, reason: "schemes and the extension \(Self.transport) belong together")
        }
    }

    static let transport = "skiff.transport/1"
}

extension ManifestFlag {
    init(_ given: ManifestFields) throws(ManifestError) {
        var fields = given
        let name = try fields.required("name")
        guard isFlagName(name.value) else {
            throw ManifestError(line: name.line, reason: "a flag's name has small letters, digits and dashes")
        }
        let kind = try fields.choice("type", of: Kind.self) ?? .bool
        self.init(name: name.value, kind: kind, help: try fields.required("help").value)
        if let short = fields.take("short") {
            guard short.value.utf8.count == 1, short.value.utf8.allSatisfy(isAlphanumeric) else {
                throw ManifestError(line: short.line, reason: "short is one letter or digit")
            }
            self.short = short.value
        }
        defaultValue = fields.take("default")?.value
        environment = fields.words("env")
        isHidden = try fields.bool("hidden")
        commands = fields.phrases("commands")
        handler = fields.take("handler")?.value
        signature = try fields.signature("signature")
        try fields.finish()
        guard (handler == nil) == (signature == nil) else {
            throw ManifestError(line: fields.line, reason: "handler and signature belong together")
        }
        if let signature, !signature.accepts(kind.offered) {
            throw ManifestError(
                line: fields.line, reason: "\(signature) does not fit a flag of type \(kind.rawValue)")
        }
    }
}

extension ManifestCommand {
    init(_ given: ManifestFields) throws(ManifestError) {
        var fields = given
        let name = try fields.required("name")
        guard isFlagName(name.value) else {
            throw ManifestError(line: name.line, reason: "a command's name has small letters, digits and dashes")
        }
        let usage = fields.text("usage")
        let help = try fields.required("help").value
        let handler = try fields.required("handler").value
        guard let signature = try fields.signature("signature"), signature.accepts(Array("cS".utf8)) else {
            throw ManifestError(line: fields.line, reason: "a command's signature is i:cS")
        }
        try fields.finish()
        self.init(name: name.value, usage: usage, help: help, handler: handler, signature: signature)
    }
}

extension ManifestProbe {
    init(_ given: ManifestFields) throws(ManifestError) {
        var fields = given
        let offset = try fields.integer("offset", 0...(1 << 40)) ?? 0
        let line = fields.line
        var bytes: [UInt8] = []
        for word in fields.words("bytes") {
            guard word.utf8.count == 2, let byte = UInt8(word, radix: 16) else {
                throw ManifestError(line: line, reason: "bytes are hexadecimal pairs")
            }
            bytes.append(byte)
        }
        guard (2...64).contains(bytes.count) else {
            throw ManifestError(line: line, reason: "[probe] needs 2 to 64 bytes")
        }
        try fields.finish()
        self.init(offset: Int64(offset), bytes: bytes)
    }
}
