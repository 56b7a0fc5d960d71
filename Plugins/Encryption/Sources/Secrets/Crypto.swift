import COpenSSL
import Glibc
import PluginAPI
package import PluginKit

/// What everything that uses libcrypto needs.
package enum Crypto {
    /// Opens the library.
    ///
    /// - Parameter isAlone: whether nobody else in this process uses it, so that its configuration need not be read.
    package static func open(isAlone: Bool = false) throws(PluginError) {
        guard (isAlone ? ce_open_alone() : ce_open()) != 0 else {
            throw PluginError(
                "cannot open an encrypted image: cannot open libcrypto.so.3\nInstall the package libssl3",
                status: SKIFF_E_SYSTEM)
        }
    }

    /// Fills a buffer with random bytes of the kernel.
    /// - Returns: false with errno.
    package static func fill(_ bytes: UnsafeMutableRawBufferPointer) -> Bool {
        ce_random(bytes.baseAddress, bytes.count) == 1
    }

    package static func randomBytes(_ count: Int) throws(PluginError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        guard bytes.withUnsafeMutableBytes({ fill($0) }) else {
            throw PluginError("cannot make random bytes", SystemError(errno))
        }
        return bytes
    }

    /// What the library refuses although it was asked rightly, as in FIPS mode.
    static func refusal(_ what: String) -> PluginError {
        PluginError("cannot \(what): libcrypto refuses", status: SKIFF_E_SYSTEM)
    }
}

extension Crypto {
    /// The variables of this process, but for those that may hold keys.
    static func environmentWithoutKeys() -> [String] {
        var found: [String] = []
        var next = ce_environment()
        while let place = next, let line = place.pointee {
            let text = String(cString: line)
            let isKey = ["PASSPHRASE=", "PEM_DATA="].contains { text.contains("_ENCRYPTION_" + $0) }
            if !isKey { found.append(text) }
            next = place.advanced(by: 1)
        }
        return found
    }

    /// SHA-256; nil when the library refuses.
    package static func sha256(_ bytes: [UInt8]) -> [UInt8]? {
        guard ce_open() != 0 else { return nil }
        var digest = [UInt8](repeating: 0, count: 32)
        return ce_sha256(bytes, bytes.count, &digest) == 1 ? digest : nil
    }
}
