package import Base
import CRNP
import Digest

/// OpenPGP public keys, from the transferable form (RFC 9580 §10.1), binary or armored.
///
/// librnp checks the self-signatures of a key when it is read; a key without a good one verifies nothing.
package final class PublicKeys {
    private let store: OpaquePointer

    /// - Parameter bytes: any number of keys, or none. Keys of kinds that librnp does not know are left out.
    /// - Throws: when the bytes are not keys, or the library is missing. The message does not name the source.
    package init(_ bytes: [UInt8]) throws(SkiffError) {
        store = try RNP.use { (rnp) throws(SkiffError) in
            guard let store = rnp.object({ rnp.functions.ffi_create($0, "GPG", "GPG") }) else {
                throw RNP.outOfMemory
            }
            if bytes.isEmpty { return store }
            let result = try rnp.withInput(bytes) { input in
                rnp.functions.import_keys(store, input, SKL_RNP_PUBLIC_KEYS | SKL_RNP_PERMISSIVE, nil)
            }
            if result == SKL_RNP_SUCCESS { return store }
            _ = rnp.functions.ffi_destroy(store)
            throw SkiffError("it holds no OpenPGP keys")
        }
    }

    deinit {
        _ = try? RNP.use { (rnp) throws(SkiffError) in _ = rnp.functions.ffi_destroy(store) }
    }

    /// Returns the one key that has this id, or a subkey with it that may sign, or nil when there is none.
    ///
    /// It is alone in the result. librnp verifies with the key that a signature names by fingerprint, and reports on
    /// the key that it names by id; these are different fields, and one can be changed. With a single key they cannot
    /// be confused.
    ///
    /// - Parameter keyID: 16 hexadecimal digits.
    package func only(_ keyID: String) throws(SkiffError) -> PublicKeys? {
        let bytes = try RNP.use { (rnp) throws(SkiffError) -> [UInt8]? in
            guard let key = rnp.object({ rnp.functions.locate_key(store, "keyid", keyID, $0) }) else { return nil }
            defer { _ = rnp.functions.key_handle_destroy(key) }
            guard rnp.flag({ rnp.functions.key_allows_usage(key, "sign", $0) }) == true else { return nil }
            return try withPrimary(rnp, key) { (primary) throws(SkiffError) in try exported(rnp, primary) }
        }
        guard let bytes else { return nil }
        return try PublicKeys(bytes)
    }

    /// Returns the key with its subkeys, as it was read.
    private func exported(_ rnp: borrowing RNP, _ primary: OpaquePointer) throws(SkiffError) -> [UInt8] {
        guard let output = rnp.object({ rnp.functions.output_to_memory($0, 0) }) else { throw RNP.outOfMemory }
        defer { _ = rnp.functions.output_destroy(output) }
        guard rnp.functions.key_export(primary, output, SKL_RNP_WHOLE_KEY) == SKL_RNP_SUCCESS else {
            throw SkiffError("a key in it cannot be copied")
        }
        return rnp.bytes(output)
    }

    /// Calls `body` with the primary key of a key, which may be the key itself; nil when it is absent.
    private func withPrimary<Result>(
        _ rnp: borrowing RNP, _ key: OpaquePointer, _ body: (OpaquePointer) throws(SkiffError) -> Result?
    ) throws(SkiffError) -> Result? {
        guard let isSubkey = rnp.flag({ rnp.functions.key_is_sub(key, $0) }) else { return nil }
        if !isSubkey { return try body(key) }
        guard let print = rnp.text({ rnp.functions.key_get_primary_fprint(key, $0) }),
            let primary = rnp.object({ rnp.functions.locate_key(store, "fingerprint", print, $0) })
        else { return nil }
        defer { _ = rnp.functions.key_handle_destroy(primary) }
        return try body(primary)
    }

    /// One signature of a message.
    struct Signature {
        /// 16 hexadecimal digits; nil when the signature does not name its key.
        let keyID: String?
        /// The same in another place: the fingerprint of that key, in hexadecimal digits; nil in old signatures.
        let issuer: String?
        /// `SHA256`.
        let hash: String?
        /// Whether it covers a document: `text`, `binary`.
        let type: String?
        let status: rnp_result_t
        /// Nil when its key is absent.
        let key: KeyFacts?
    }

    /// The state of a key now.
    struct KeyFacts {
        /// The fingerprint of the key itself, in hexadecimal digits.
        let ownFingerprint: String?
        /// The fingerprint of the primary key.
        let fingerprint: [UInt8]
        let userID: String
        /// The key, its primary key or its primary user id was revoked.
        let isRevoked: Bool
        let isExpired: Bool
        /// Whether both keys are bound by good signatures.
        let isValid: Bool
    }

    /// Checks the signatures of a clear-signed message with these keys.
    ///
    /// - Returns: the outcome of each signature, in their order, and the text that they cover.
    func check(_ message: ClearSignedMessage) throws(SkiffError) -> (signatures: [Signature], text: [UInt8]) {
        try RNP.use { (rnp) throws(SkiffError) in
            // Zero means no limit: the text is shorter than the message, which is bounded.
            guard let output = rnp.object({ rnp.functions.output_to_memory($0, 0) }) else { throw RNP.outOfMemory }
            defer { _ = rnp.functions.output_destroy(output) }
            let signatures = try rnp.withInput(message.bytes) { (input) throws(SkiffError) -> [Signature] in
                try verified(rnp, input, output)
            }
            return (signatures, rnp.bytes(output))
        }
    }

    private func verified(_ rnp: borrowing RNP, _ input: OpaquePointer, _ output: OpaquePointer) throws(SkiffError)
        -> [Signature]
    {
        guard let operation = rnp.object({ rnp.functions.op_verify_create($0, store, input, output) }) else {
            throw RNP.outOfMemory
        }
        defer { _ = rnp.functions.op_verify_destroy(operation) }
        // Its status is about all signatures together; each is examined below.
        _ = rnp.functions.op_verify_execute(operation)
        var count = 0
        guard rnp.functions.op_verify_get_signature_count(operation, &count) == SKL_RNP_SUCCESS else { return [] }
        var signatures: [Signature] = []
        for index in 0..<count {
            guard let signature = rnp.object({ rnp.functions.op_verify_get_signature_at(operation, index, $0) }) else {
                continue
            }
            signatures.append(try facts(rnp, signature))
        }
        return signatures
    }

    private func facts(_ rnp: borrowing RNP, _ signature: OpaquePointer) throws(SkiffError) -> Signature {
        let handle = rnp.object { rnp.functions.op_verify_signature_get_handle(signature, $0) }
        defer { if let handle { _ = rnp.functions.signature_handle_destroy(handle) } }
        let key = rnp.object { rnp.functions.op_verify_signature_get_key(signature, $0) }
        defer { if let key { _ = rnp.functions.key_handle_destroy(key) } }
        return Signature(
            keyID: handle.flatMap { handle in rnp.text { rnp.functions.signature_get_keyid(handle, $0) } },
            issuer: handle.flatMap { handle in rnp.text { rnp.functions.signature_get_key_fprint(handle, $0) } },
            hash: rnp.text { rnp.functions.op_verify_signature_get_hash(signature, $0) },
            type: handle.flatMap { handle in rnp.text { rnp.functions.signature_get_type(handle, $0) } },
            status: rnp.functions.op_verify_signature_get_status(signature),
            key: try key.flatMap { (key) throws(SkiffError) in try keyFacts(rnp, key) })
    }

    private func keyFacts(_ rnp: borrowing RNP, _ key: OpaquePointer) throws(SkiffError) -> KeyFacts? {
        try withPrimary(rnp, key) { facts(rnp, primary: $0, used: key) }
    }

    private func facts(_ rnp: borrowing RNP, primary: OpaquePointer, used: OpaquePointer) -> KeyFacts? {
        guard let print = rnp.text({ rnp.functions.key_get_fprint(primary, $0) }).flatMap({ bytes(hexadecimal: $0) })
        else { return nil }
        let keys = [primary, used]
        return KeyFacts(
            ownFingerprint: rnp.text { rnp.functions.key_get_fprint(used, $0) }, fingerprint: print,
            userID: rnp.text { rnp.functions.key_get_primary_uid(primary, $0) } ?? "",
            isRevoked: keys.contains { key in rnp.flag { rnp.functions.key_is_revoked(key, $0) } != false }
                || isPrimaryUserRevoked(rnp, primary),
            isExpired: keys.contains { key in rnp.flag { rnp.functions.key_is_expired(key, $0) } != false },
            isValid: keys.allSatisfy { key in rnp.flag { rnp.functions.key_is_valid(key, $0) } == true })
    }

    private func isPrimaryUserRevoked(_ rnp: borrowing RNP, _ key: OpaquePointer) -> Bool {
        var count = 0
        guard rnp.functions.key_get_uid_count(key, &count) == SKL_RNP_SUCCESS else { return false }
        for index in 0..<count {
            guard let user = rnp.object({ rnp.functions.key_get_uid_handle_at(key, index, $0) }) else { continue }
            defer { _ = rnp.functions.uid_handle_destroy(user) }
            if rnp.flag({ rnp.functions.uid_is_primary(user, $0) }) == true,
                rnp.flag({ rnp.functions.uid_is_revoked(user, $0) }) != false
            {
                return true
            }
        }
        return false
    }
}
