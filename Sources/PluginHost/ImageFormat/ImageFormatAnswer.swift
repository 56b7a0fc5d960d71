import Base
import Core
import Linux

/// What the process that asked a plugin about a file tells the one that started it.
enum ImageFormatAnswer {
    case declined
    case failed(SkiffError)
    case image(ForeignImage)

    private static let version = "skiff-image-format-2"
    private enum Key {
        static let answer = "answer"
        static let message = "message"
        static let hint = "hint"
        static let part = "part"
        static let variable = "variable"
        static let label = "label"
        static let runscript = "runscript"
        static let architecture = "architecture"
    }

    var bytes: [UInt8] {
        var writer = FieldWriter(version: Self.version)
        switch self {
        case .declined: writer.put(Key.answer, "declined")
        case .failed(let error):
            writer.put(Key.answer, "failed")
            // A NUL would end the field.
            let message = SkiffError(error.message, errno: error.errno).description
            writer.put(Key.message, message.bytes.filter { $0 != 0 })
            if let hint = error.hint { writer.put(Key.hint, hint.bytes.filter { $0 != 0 }) }
        case .image(let image):
            writer.put(Key.answer, "image")
            for part in image.parts {
                let numbers = [
                    Int64(part.filesystem.rawValue), Int64(part.role.rawValue), part.range.offset, part.range.size,
                ]
                writer.put(Key.part, numbers.map { "\($0)" }.joined(separator: " "))
            }
            for (name, value) in image.record.variables { writer.put(Key.variable, "\(name)=\(value)") }
            for (name, value) in image.record.labels { writer.put(Key.label, "\(name)=\(value)") }
            if let script = image.record.runscript { writer.put(Key.runscript, script) }
            writer.put(Key.architecture, "\(image.architecture.rawValue)")
        }
        return writer.bytes
    }

    /// - Returns: nil for anything that `bytes` does not produce.
    init?(_ bytes: [UInt8]) {
        guard let reader = FieldReader(bytes, version: Self.version) else { return nil }
        switch reader.value(Key.answer) {
        case "declined": self = .declined
        case "failed":
            guard let message = reader.value(Key.message) else { return nil }
            self = .failed(SkiffError(message, hint: reader.value(Key.hint)))
        case "image":
            var image = ForeignImage()
            for text in reader.values(Key.part) {
                let numbers = text.split(separator: " ").compactMap { Int64($0) }
                guard numbers.count == 4, let filesystem = Int32(exactly: numbers[0]),
                    let role = Int32(exactly: numbers[1])
                else { return nil }
                image.parts.append(
                    ForeignImage.Part(
                        SIFFilesystem(rawValue: filesystem), SIFPartitionRole(rawValue: role),
                        ByteRange(offset: numbers[2], size: numbers[3])))
            }
            image.record.variables = reader.values(Key.variable).map(Self.pair)
            image.record.labels = reader.values(Key.label).map(Self.pair)
            image.record.runscript = reader.value(Key.runscript)
            guard let architecture = reader.value(Key.architecture).flatMap({ UInt32($0) }) else { return nil }
            image.architecture = SIFArchitecture(rawValue: architecture)
            self = .image(image)
        default: return nil
        }
    }

    private static func pair(_ text: String) -> (name: String, value: String) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        return (String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
    }
}
