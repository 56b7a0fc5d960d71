import PluginAPI
package import PluginKit

/// The object of an encrypted image that holds its secret, wrapped by RSA: a DER OCTET STRING in a PEM block `MESSAGE`.
package enum KeyMessage {
    /// The SIF data type.
    package static let type: UInt32 = 0x4008
    /// What the object's record says: PEM, and RSA with OAEP.
    package static let format: UInt32 = 2, message: UInt32 = 0x200

    private static let label = "MESSAGE"
    private static let octetString: UInt8 = 4

    package static func text(_ wrapped: [UInt8]) -> [UInt8] {
        PEMBlock.text(label, [octetString] + length(wrapped.count) + wrapped)
    }

    /// Of DER: one byte below 128; otherwise the number of bytes that follow, and these, most significant first.
    private static func length(_ count: Int) -> [UInt8] {
        if count < 128 { return [UInt8(count)] }
        var bytes: [UInt8] = []
        var rest = count
        while rest > 0 {
            bytes.insert(UInt8(truncatingIfNeeded: rest), at: 0)
            rest >>= 8
        }
        return [0x80 | UInt8(bytes.count)] + bytes
    }

    /// Returns the ciphertext of an object.
    package static func wrapped(in object: UnsafeRawBufferPointer) throws(PluginError) -> [UInt8] {
        guard let block = try PEMBlock(firstOf: object), block.label == label,
            let result = block.content.withBytes({ octets(Array($0)) })
        else {
            throw PluginError(
                "cannot open the image: the object with its wrapped key is damaged", status: SKIFF_E_SYSTEM)
        }
        return result
    }

    private static func octets(_ der: [UInt8]) -> [UInt8]? {
        guard der.count >= 2, der[0] == octetString else { return nil }
        if der[1] < 128 { return der.count == 2 + Int(der[1]) ? Array(der[2...]) : nil }
        let size = Int(der[1] & 0x7F)
        guard (1...3).contains(size), der.count >= 2 + size else { return nil }
        let count = der[2..<2 + size].reduce(0) { $0 << 8 | Int($1) }
        return der.count == 2 + size + count ? Array(der[(2 + size)...]) : nil
    }
}
