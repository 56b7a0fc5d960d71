package import Base

/// The text of `--bind` (Docs/spec/runtime.md §2.6): `src[:dst[:opt[,opt…]]]`, several separated by commas. A backslash
/// before a colon or comma takes its meaning away. After an option, a comma begins a new bind unless another option
/// follows.
package enum BindSpec {
    private static let plainOptions = ["ro", "rw"]
    private static let imageOptions = ["image-src", "id"]

    /// - Throws: Apptainer's texts for a bad option, an empty source, too many parts or a relative destination.
    package static func parse(_ text: String, currentDirectory: String) throws(SkiffError) -> [Request.Bind] {
        var result: [Request.Bind] = []
        for spec in try split(text) {
            result.append(try bind(spec, currentDirectory))
        }
        return result
    }

    /// One bind: up to three fields, the third a list of options.
    private struct Spec {
        var fields: [String] = []
        var options: [String] = []
    }

    private static func split(_ text: String) throws(SkiffError) -> [Spec] {
        var specs: [Spec] = []
        var current: Spec?
        for word in words(text) {
            if var spec = current, spec.fields.count >= 2, !spec.options.isEmpty, isOption(word) {
                spec.options.append(word)
                current = spec
                continue
            }
            if let spec = current { specs.append(spec) }
            var fields = fields(word)
            guard fields.count <= 3 else { throw failure("\(text) has more than three parts") }
            var spec = Spec()
            if fields.count == 3, let option = fields.popLast() {
                guard isOption(option) else { throw failure("\(option) is not a valid bind option") }
                spec.options = [option]
            }
            spec.fields = fields
            current = spec
        }
        if let spec = current { specs.append(spec) }
        return specs
    }

    /// Returns the text split at commas that have no backslash; the backslashes stay for `fields`.
    private static func words(_ text: String) -> [String] { separate(text, at: ",", keepingEscapes: true) }

    private static func fields(_ word: String) -> [String] { separate(word, at: ":", keepingEscapes: false) }

    private static func separate(_ text: String, at separator: Character, keepingEscapes: Bool) -> [String] {
        var parts: [String] = [""]
        var escaped = false
        for character in text {
            if escaped {
                let special = character == ":" || character == ","
                parts[parts.count - 1] += (keepingEscapes || !special ? "\\" : "") + String(character)
                escaped = false
            } else if character == "\\" {
                escaped = true
            } else if character == separator {
                parts.append("")
            } else {
                parts[parts.count - 1].append(character)
            }
        }
        if escaped { parts[parts.count - 1] += "\\" }
        return parts
    }

    private static func isOption(_ word: String) -> Bool {
        if plainOptions.contains(word) { return true }
        guard let equals = word.firstIndex(of: "=") else { return false }
        return imageOptions.contains(String(word[..<equals]))
    }

    private static func bind(_ spec: Spec, _ currentDirectory: String) throws(SkiffError) -> Request.Bind {
        let source = spec.fields.first ?? ""
        guard !source.isEmpty else { throw failure("empty bind source") }
        let absolute = absolutePath(source, in: currentDirectory)
        let destination = spec.fields.count > 1 && !spec.fields[1].isEmpty ? spec.fields[1] : absolute
        guard destination.hasPrefix("/") else {
            throw failure("destination \(destination) must be an absolute path")
        }
        var bind = Request.Bind(
            source: absolute, destination: absolutePath(destination, in: "/"), readOnly: spec.options.contains("ro"))
        for option in spec.options {
            guard let equals = option.utf8.firstIndex(of: UInt8(ascii: "=")) else { continue }
            let value = String(option[option.index(after: equals)...])
            try bind.take(String(option[..<equals]), value)
        }
        if bind.part != nil, spec.fields.last?.isEmpty != false {
            throw failure("a bind from image \(absolute) has no destination")
        }
        return bind
    }

    private static func failure(_ reason: String) -> SkiffError {
        SkiffError(
            "While setting bind mount configuration: while parsing bind path: while getting bind path: " + reason)
    }
}

extension Request.Bind {
    /// Takes `image-src` or `id`.
    mutating func take(_ option: String, _ value: String) throws(SkiffError) {
        var part = part ?? Request.ImagePart()
        if option == "image-src" {
            if !value.isEmpty { part.path = value }
        } else if let id = UInt32(value) {
            // Objects are counted from 1 on.
            part.id = id == 0 ? nil : id
        } else {
            throw SkiffError("cannot bind \(source): id=\(value) is not the number of an object of a SIF")
        }
        self.part = part
    }
}
