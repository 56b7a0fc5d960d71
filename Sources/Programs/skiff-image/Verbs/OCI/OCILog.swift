import Base
import Linux

/// Writes what a program prints line by line into a file, in the formats of the container runtime interface.
struct OCILog {
    enum Format: String { case basic, kubernetes, json }

    private let file: OwnedFDBox
    private let format: Format
    /// What came of a line that has not ended, by stream.
    private var unfinished: [String: [UInt8]] = [:]

    /// - Parameter file: open for appending.
    init(_ file: consuming OwnedFD, _ format: Format) {
        self.file = OwnedFDBox(file)
        self.format = format
    }

    var descriptor: Int32 { file.raw }

    /// A line longer than this is written in parts.
    private static let longest = 16384

    mutating func write(_ bytes: [UInt8], _ stream: String) {
        var line = unfinished[stream] ?? []
        for byte in bytes {
            if byte == ASCII.newline {
                put(line, stream, isWhole: true)
                line = []
            } else {
                line.append(byte)
                if line.count == Self.longest {
                    put(line, stream, isWhole: false)
                    line = []
                }
            }
        }
        unfinished[stream] = line
    }

    mutating func finish() {
        for (stream, line) in unfinished where !line.isEmpty { put(line, stream, isWhole: true) }
        unfinished = [:]
    }

    private func put(_ line: [UInt8], _ stream: String, isWhole: Bool) {
        let time = universalTimeText(currentTime())
        let text: [UInt8]
        switch format {
        case .basic: text = line + [ASCII.newline]
        case .kubernetes: text = Array("\(time) \(stream) \(isWhole ? "F" : "P") ".utf8) + line + [ASCII.newline]
        case .json:
            let value = JSONText.members([
                "time": .string(time), "stream": .string(stream), "log": .string(String(bytes: line)),
            ])
            text = Array((value.text() + "\n").utf8)
        }
        try? writeFully(file.raw, text)
    }
}

/// A descriptor that a copyable value owns.
final class OwnedFDBox {
    private let descriptor: OwnedFD
    init(_ descriptor: consuming OwnedFD) { self.descriptor = descriptor }
    var raw: Int32 { descriptor.raw }
}
