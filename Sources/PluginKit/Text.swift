import Glibc

// Paths and words are bytes in no promised encoding. Those that are not UTF-8 become private use characters, U+10FF00 + byte,
// and bytes again for the host and for the kernel, so that a plugin can hold them in a `String` and lose nothing.

extension String {
    init(bytes: some Sequence<UInt8>) {
        let bytes = Array(bytes)
        if let text = String(validating: bytes, as: UTF8.self), !text.unicodeScalars.contains(where: \.isEscapedByte) {
            self = text
            return
        }
        self.init()
        var parser = UTF8.ForwardParser()
        var rest = bytes.makeIterator()
        var position = 0
        while true {
            let count: Int
            switch parser.parseScalar(from: &rest) {
            case .emptyInput: return
            case .valid(let units):
                count = units.count
                let scalar = UTF8.decode(units)
                if !scalar.isEscapedByte {
                    unicodeScalars.append(scalar)
                    position += count
                    continue
                }
            case .error(let length): count = length
            }
            for byte in bytes[position..<position + count] {
                unicodeScalars.append(Unicode.Scalar(0x10FF00 + UInt32(byte)) ?? "\u{FFFD}")
            }
            position += count
        }
    }

    init(bytes text: UnsafePointer<CChar>) {
        self.init(bytes: UnsafeBufferPointer(start: text, count: strlen(text)).map { UInt8(bitPattern: $0) })
    }

    var bytes: [UInt8] {
        unicodeScalars.flatMap { scalar in
            scalar.isEscapedByte ? [UInt8(truncatingIfNeeded: scalar.value)] : Array(UTF8.encode(scalar) ?? .init([]))
        }
    }

    func withTerminatedBytes<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        body(bytes.map { CChar(bitPattern: $0) } + [0])
    }
}

extension Unicode.Scalar {
    fileprivate var isEscapedByte: Bool { value >= 0x10FF80 }
}
