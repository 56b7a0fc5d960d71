import Linux

/// What plugins asked for, as fields of a state file: each entry, then its reason and who asked.
extension ProgramAttributes {
    func write(to writer: inout FieldWriter) {
        func put(_ key: String, _ value: [UInt8], _ cause: Cause) {
            writer.put(key, value)
            writer.put("reason", cause.reason)
            writer.put("origin", cause.origin)
        }
        for group in groups { put("group", "\(group.gid)".bytes, group.cause) }
        for limit in limits {
            put("limit", "\(limit.resource.text) \(limit.value.soft) \(limit.value.hard)".bytes, limit.cause)
        }
        for filter in filters { put("program-filter", Self.digits(filter.program), filter.cause) }
        for wrapper in wrappers {
            // Words hold no NUL, but any other byte: each is a field of its own.
            for word in wrapper.words { writer.put("word", word) }
            put("wrapper", "\(wrapper.words.count)".bytes, wrapper.cause)
        }
    }

    /// - Returns: nil for fields that are not whole.
    init?(_ reader: FieldReader) {
        self.init()
        let fields = reader.fields
        var words: [[UInt8]] = []
        for (index, field) in fields.enumerated() {
            guard ["group", "limit", "program-filter", "wrapper", "word"].contains(field.key) else { continue }
            if field.key == "word" {
                words.append(field.bytes)
                continue
            }
            guard fields.count > index + 2, fields[index + 1].key == "reason", fields[index + 2].key == "origin" else {
                return nil
            }
            let cause = Cause(reason: fields[index + 1].value, origin: fields[index + 2].value)
            switch field.key {
            case "group":
                guard let gid = UInt32(field.value) else { return nil }
                groups.append(Group(gid: gid, cause: cause))
            case "limit":
                let parts = field.value.split(separator: " ").map(String.init)
                guard parts.count == 3,
                    let resource = ResourceLimit.Name.allCases.first(where: { $0.text == parts[0] }),
                    let soft = UInt64(parts[1]), let hard = UInt64(parts[2])
                else { return nil }
                limits.append(
                    Limit(resource: resource, value: ResourceLimit(soft: soft, hard: hard), cause: cause))
            case "program-filter":
                guard let program = Self.bytes(field.bytes) else { return nil }
                filters.append(Filter(program: program, cause: cause))
            default:
                guard Int(field.value) == words.count else { return nil }
                wrappers.append(Wrapper(words: words, cause: cause))
                words = []
            }
        }
        guard words.isEmpty else { return nil }
    }

    static func digits(_ bytes: [UInt8]) -> [UInt8] {
        let digits = "0123456789abcdef".bytes
        return bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    }

    static func bytes(_ digits: [UInt8]) -> [UInt8]? {
        guard digits.count.isMultiple(of: 16) else { return nil }
        var result: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let byte = UInt8(String(bytes: digits[index..<index + 2]), radix: 16) else { return nil }
            result.append(byte)
        }
        return result
    }
}
