package import Base

/// The keys of key servers. A server that does not answer is a warning; the signature then has no known signer.
package final class KeyserverKeys: KeySource {
    package let origin = KeyOrigin.keyserver
    private let servers: () throws(SkiffError) -> [Keyserver]
    private var known: [String: PublicKeys?] = [:]

    /// - Parameter servers: returns the servers; called the first time a key is wanted that no other source has.
    package init(_ servers: @escaping () throws(SkiffError) -> [Keyserver]) { self.servers = servers }

    package func key(_ keyID: String) throws(SkiffError) -> PublicKeys? {
        if let found = known[keyID] { return found }
        let found = try fetch(keyID)
        known[keyID] = .some(found)
        return found
    }

    private func fetch(_ keyID: String) throws(SkiffError) -> PublicKeys? {
        do throws(SkiffError) {
            let block = try KeyserverClient(try servers()).get("0x" + keyID.lowercased())
            return try PublicKeys(block).only(keyID)
        } catch {
            Log.warning("failed to get key material: \(error)")
            return nil
        }
    }
}
