import Base

extension ManifestFlag {
    init(_ given: ManifestFields) throws(ManifestError) {
        var fields = given
        let name = try fields.required("name")
        guard isFlagName(name.value) else { throw name.error("a flag's name has small letters, digits and dashes") }
        let kind = try fields.choice("type", of: Kind.self) ?? .bool
        self.init(name: name.value, kind: kind, help: try fields.required("help").value)
        if let short = fields.take("short") {
            guard short.value.utf8.count == 1, short.value.utf8.allSatisfy(isAlphanumeric) else {
                throw short.error("short is one letter or digit")
            }
            self.short = short.value
        }
        try readValues(&fields)
        let environment = try fields.list("env")
        try environment.check(isEnvironmentKey) { "a variable has letters, digits and _, unlike \($0)" }
        self.environment = environment.items
        isHidden = try fields.bool("hidden")
        commands = try fields.list("commands").items
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

    private mutating func readValues(_ fields: inout ManifestFields) throws(ManifestError) {
        let numbers = Int(Int32.min)...Int(Int32.max)
        let (least, most) = (try fields.integer("min", numbers), try fields.integer("max", numbers))
        let (only, offered) = (try fields.list("values"), try fields.list("suggestions"))
        let chosen = try fields.choice("completes", of: Completion.self)
        func refuse(_ isWrong: Bool, _ reason: String) throws(ManifestError) {
            if isWrong { throw ManifestError(line: fields.line, reason: reason) }
        }
        let hasRange = least != nil || most != nil
        let isText = kind == .string || kind == .strings
        try refuse(hasRange && kind != .int, "min and max are for flags of type int")
        try refuse(!only.items.isEmpty && !isText, "values are for flags of type string and strings")
        try refuse(
            !offered.items.isEmpty && (!isText && kind != .int || !only.items.isEmpty),
            "suggestions are for flags of type int, string and strings without values")
        try refuse(chosen != nil && kind == .bool, "completes is for flags with a value")
        if hasRange {
            let (low, high) = (least ?? numbers.lowerBound, most ?? numbers.upperBound)
            try refuse(low > high, "min is larger than max")
            range = low...high
        }
        // They become words of completion scripts.
        for list in [only, offered] {
            try list.check(isPlainValue) { "a value that is offered has letters, digits and ._+:/@%-, unlike \($0)" }
        }
        (values, suggestions) = (only.items, offered.items)
        completes = chosen ?? (kind == .path ? .files : .nothing)
        if let entry = fields.take("default") { defaultValue = try checked(entry, "default") }
        if let entry = fields.take("no-value") {
            try refuse(kind == .bool, "no-value is for flags with a value; true is that of a bool")
            try refuse(entry.value.isEmpty, "no-value cannot be empty")
            impliedValue = try checked(entry, "no-value")
        }
        if let wrong = suggestions.first(where: { problem($0) != nil }) {
            throw ManifestError(line: offered.line, reason: "\(wrong) of suggestions is not a value of --\(name)")
        }
    }

    /// Returns the value as a user would type it.
    private func checked(_ entry: ManifestEntry, _ key: String) throws(ManifestError) -> String {
        let text = kind == .bool ? ["yes": "true", "no": "false"][entry.value] ?? entry.value : entry.value
        for value in kind == .strings ? ManifestList.items(in: text) : [text] {
            if let problem = problem(value) { throw entry.error("\(key) of --\(name) \(problem)") }
        }
        // A zero in front would mean an octal number on the command line.
        return kind == .int ? Int(text).map(String.init) ?? text : text
    }

    /// Returns what is wrong with a value, nil for one that the flag takes.
    private func problem(_ value: String) -> String? {
        switch kind {
        case .bool: return value == "true" || value == "false" ? nil : "is yes or no"
        case .int:
            guard let number = Int(value) else { return "must be a number" }
            guard let range, !range.contains(number) else { return nil }
            return "must be from \(range.lowerBound) to \(range.upperBound)"
        case .path: return value.isEmpty ? "cannot be empty" : nil
        case .string, .strings:
            return values.isEmpty || values.contains(value)
                ? nil : "must be one of: \(values.joined(separator: " "))"
        }
    }

    /// The values of the flag in a command in which its plugin takes part: those that were given, else the default.
    func values(in uses: [PluginFlagUse], of plugin: String) -> [String] {
        if let given = uses.first(where: { $0.isFlag(name, of: plugin) })?.values, !given.isEmpty { return given }
        guard let defaultValue else { return [] }
        return kind == .strings ? ManifestList.items(in: defaultValue) : [defaultValue]
    }
}

extension ManifestFlag {
    /// Whether a command has both; a flag that names none belongs to those that start containers.
    func sharesCommand(with other: ManifestFlag) -> Bool {
        let launches = ["exec", "run", "shell", "test", "instance start", "instance run"]
        let own = commands.isEmpty ? launches : commands
        return own.contains(where: (other.commands.isEmpty ? launches : other.commands).contains)
    }
}
