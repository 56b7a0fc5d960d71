import Core
import PluginAPI

extension Manifest {
    /// Reads the text of a manifest.
    ///
    /// Everything that later code relies on is checked here: names that become flags, file names or ids hold harmless
    /// characters only, values are ones that their flags take, and signatures fit the types of their flags.
    package init(parsing bytes: [UInt8]) throws(ManifestError) {
        let blocks = try manifestBlocks(bytes)
        guard let head = blocks.first else { throw ManifestError(line: 0, reason: "empty") }
        try self.init(head: ManifestFields(head))
        var names: Set<String> = []
        for block in blocks.dropFirst() {
            let fields = ManifestFields(block)
            let name: String
            switch block.name {
            case "flag":
                flags.append(try ManifestFlag(fields))
                name = "--" + (flags.last?.name ?? "")
            case "command":
                commands.append(try ManifestCommand(fields))
                name = commands.last?.name ?? ""
            case "group":
                groups.append(try ManifestGroup(fields))
                name = groups.last?.name ?? ""
            case "config":
                settings.append(try ManifestSetting(fields, plugin: id))
                name = (settings.last?.directive.name ?? "") + " ="
            case "probe":
                probes.append(try ManifestProbe(fields))
                continue
            default:
                if block.isOptional { continue }
                throw ManifestError(line: block.line, reason: "unknown block [\(block.name)]")
            }
            if !names.insert(name).inserted { throw ManifestError(line: block.line, reason: "\(name) is there twice") }
        }
        try checkTogether()
    }

    /// What blocks say about each other.
    private func checkTogether() throws(ManifestError) {
        guard probes.isEmpty != extensions.contains(SKIFF_EXT_IMAGE_FORMAT) else {
            throw ManifestError(
                line: 0, reason: "[probe] and the extension \(SKIFF_EXT_IMAGE_FORMAT) belong together")
        }
        for (index, flag) in flags.enumerated() {
            guard let short = flag.short else { continue }
            let together = flags[..<index].contains { $0.short == short && $0.sharesCommand(with: flag) }
            if together { throw ManifestError(line: 0, reason: "-\(short) is there twice") }
        }
        for command in commands {
            guard let space = command.name.firstIndex(of: " ") else { continue }
            let group = command.name[..<space]
            if !groups.contains(where: { $0.name == group }), !Manifest.openGroups.contains(String(group)) {
                throw ManifestError(line: 0, reason: "the command \(command.name) needs a [group] \(group)")
            }
        }
        let raw = commands.filter { $0.arguments == nil }.map(\.name)
        for flag in flags {
            guard let name = flag.commands.first(where: raw.contains) else { continue }
            throw ManifestError(
                line: 0, reason: "the command \(name) reads its words itself: it needs arguments to have --\(flag.name)"
            )
        }
    }

    private init(head: ManifestFields) throws(ManifestError) {
        var fields = head
        if let format = fields.take("format") { try Self.checkFormat(format) }
        let id = try fields.required("id")
        guard isPluginID(id.value) else { throw id.error("id is a reverse-domain name like org.example.hello") }
        let library = try fields.required("library")
        guard isFileName(library.value), library.value.hasSuffix(".so") else {
            throw library.error("library is a file name that ends with .so")
        }
        let abi = try fields.required("abi")
        guard let range = parseABIRange(abi.value) else { throw abi.error("abi is like 0.1 or 0.1-0.3") }
        self.init(
            id: id.value, version: try fields.required("version").value, abi: range, library: library.value)
        if let name = fields.take("name"), !name.value.isEmpty { self.name = name.value }
        sha256 = fields.text("sha256")
        license = fields.text("license")
        description = fields.text("description")
        isHidden = try fields.bool("hidden")
        priority = try fields.integer("priority", -1000...1000) ?? 0
        after = try fields.list("after").items
        before = try fields.list("before").items
        privileged = try fields.choice("privileged", of: Privileged.self) ?? .root
        allowsDrafts = try fields.bool("draft-ok")
        extensions = try fields.list("extensions").items
        if !allowsDrafts, let draft = extensions.first(where: Self.drafts.contains) {
            throw ManifestError(line: fields.line, reason: "\(draft) is a draft and needs draft-ok = yes")
        }
        try readPhases(try fields.list("phases"))
        try readSchemes(&fields)
        try readNetworks(&fields)
        try readTargets(&fields)
        imageFacts = try fields.list("image-facts").items
        try fields.finish()
    }

    private static func checkFormat(_ entry: ManifestEntry) throws(ManifestError) {
        guard let number = Int(entry.value), number > 0 else { throw entry.error("format is a number from 1") }
        guard number <= newestFormat else {
            throw entry.error("format \(number) is of a newer skiff; this one reads format \(newestFormat)")
        }
    }

    /// `?word` is a phase that an older host does without.
    private mutating func readPhases(_ list: ManifestList) throws(ManifestError) {
        try list.check({ $0.hasPrefix("?") || PluginPhase(rawValue: $0) != nil }) { "there is no phase \($0)" }
        phases = list.items.compactMap { PluginPhase(rawValue: $0.hasPrefix("?") ? String($0.dropFirst()) : $0) }
        if let twice = firstRepeated(phases.map(\.rawValue)) {
            throw ManifestError(line: list.line, reason: "phases has \(twice) twice")
        }
    }

    private mutating func readSchemes(_ fields: inout ManifestFields) throws(ManifestError) {
        let (fetching, pushing) = (try fields.list("schemes"), try fields.list("push-schemes"))
        try fetching.check(isURIScheme) { "a scheme has small letters, digits, +, - and ., unlike \($0)" }
        try fetching.check({ !BuiltInTransport.reserved.contains($0) }) { "the scheme \($0) is skiff's own" }
        try pushing.check(fetching.items.contains) { "\($0) of push-schemes is not among the schemes" }
        (schemes, pushSchemes) = (fetching.items, pushing.items)
        guard schemes.isEmpty != extensions.contains(Self.transport) else {
            throw ManifestError(
                line: fields.line, reason: "schemes and the extension \(Self.transport) belong together")
        }
    }

    private mutating func readNetworks(_ fields: inout ManifestFields) throws(ManifestError) {
        let list = try fields.list("networks")
        try list.check({ $0 == "*" || isNetworkName($0) }) { "a network has letters, digits, - _ and ., unlike \($0)" }
        try list.check({ !RequestedNetwork.isOwn($0) }) { "the network \($0) is skiff's own" }
        networks = list.items
        guard networks.isEmpty != extensions.contains(Self.network) else {
            throw ManifestError(line: fields.line, reason: "networks and the extension \(Self.network) belong together")
        }
    }

    private mutating func readTargets(_ fields: inout ManifestFields) throws(ManifestError) {
        let list = try fields.list("targets")
        try list.check(Self.isTarget) { "a target is a dot and letters, digits, - _ or ., unlike \($0)" }
        try list.check({ $0 != ".sif" }) { "\($0) is skiff's own" }
        targets = list.items
        guard targets.isEmpty != extensions.contains(Self.buildTarget) else {
            throw ManifestError(
                line: fields.line, reason: "targets and the extension \(Self.buildTarget) belong together")
        }
    }

    private static func isTarget(_ text: String) -> Bool {
        (2...32).contains(text.utf8.count) && text.utf8.first == UInt8(ascii: ".")
            && text.utf8.last != UInt8(ascii: ".")
            && text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || [0x2D, 0x2E, 0x5F].contains(byte)
            }
    }

    package static let buildTarget = "skiff.build-target/1"
    static let transport = "skiff.transport/1"
    static let network = "skiff.network/2"
}

extension ManifestCommand {
    init(_ given: ManifestFields) throws(ManifestError) {
        var fields = given
        let name = try fields.required("name")
        let words = name.value.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        guard words.count <= 2, words.allSatisfy(isFlagName) else {
            throw name.error("a command's name is one word, or a group and a verb, of small letters, digits and dashes")
        }
        let usage = fields.text("usage")
        let arguments = try fields.take("arguments").map { entry throws(ManifestError) in try Self.count(entry) }
        let completes = try fields.choice("completes", of: ManifestFlag.Completion.self)
        let description = fields.text("description")
        let help = try fields.required("help").value
        let handler = try fields.required("handler").value
        guard let signature = try fields.signature("signature"), signature.accepts(Array("cS".utf8)) else {
            throw ManifestError(line: fields.line, reason: "a command's signature is i:cS")
        }
        try fields.finish()
        self.init(name: name.value, usage: usage, help: help, handler: handler, signature: signature)
        (self.arguments, self.description) = (arguments, description)
        self.completes = completes ?? .nothing
    }

    /// Reads `1`, `1-2` or `0-`.
    private static func count(_ entry: ManifestEntry) throws(ManifestError) -> ClosedRange<Int> {
        let parts = entry.value.split(separator: "-", omittingEmptySubsequences: false)
        let numbers = parts.map { $0.isEmpty ? Int.max : Int($0) ?? -1 }
        guard (1...2).contains(parts.count), let low = numbers.first, let high = numbers.last, low >= 0, low < 1000,
            low <= high
        else { throw entry.error("arguments is like 1, 1-2 or 0-") }
        return low...high
    }
}

extension ManifestGroup {
    init(_ given: ManifestFields) throws(ManifestError) {
        var fields = given
        let name = try fields.required("name")
        guard isFlagName(name.value) else { throw name.error("a group's name has small letters, digits and dashes") }
        self.init(name: name.value, help: try fields.required("help").value)
        try fields.finish()
    }
}

extension ManifestSetting {
    init(_ given: ManifestFields, plugin: String) throws(ManifestError) {
        var fields = given
        let name = try fields.required("name")
        guard isDirectiveName(name.value) else {
            throw name.error("a directive's name is words of letters, digits, - _ and . with one blank between them")
        }
        guard !Settings.isOwn(name.value) else { throw name.error("\(name.value) is a directive of skiff's own") }
        let kind = try fields.choice("type", of: PluginDirective.Kind.self) ?? .text
        let standard = fields.take("default")
        let directive = PluginDirective(
            name: name.value, kind: kind, standard: standard?.value, comment: try fields.required("help").value,
            plugin: plugin)
        if let standard, let demand = directive.demand(unmetBy: standard.value) {
            throw standard.error("the default of \(name.value) must be \(demand)")
        }
        self.init(directive)
        loads = try fields.bool("loads")
        try fields.finish()
        // A launch must see from the configuration alone that no manifest has to be read.
        if loads, let standard, standard.value != "no" {
            throw standard.error("a directive that loads the plugin does not do so by default")
        }
        if name.value.hasPrefix(PluginDirective.switchPrefix), !loads || kind != .bool {
            throw name.error("a directive \(PluginDirective.switchPrefix)… has type = bool and loads = yes")
        }
    }
}

extension ManifestProbe {
    init(_ given: ManifestFields) throws(ManifestError) {
        var fields = given
        let offset = try fields.integer("offset", 0...(1 << 40)) ?? 0
        let line = fields.line
        var bytes: [UInt8] = []
        for word in fields.text("bytes").split(whereSeparator: { $0 == " " || $0 == "\t" }) {
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
