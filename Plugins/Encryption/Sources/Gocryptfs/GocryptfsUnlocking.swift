import PluginAPI
import PluginKit

/// Opens a gocryptfs volume: a squashfs with an encrypted file and its configuration.
struct GocryptfsUnlocking {
    /// Of the image, for messages.
    let path: String
    /// The volume in the image.
    let part: FilePart

    func unlock(_ secret: SecretBytes) throws(PluginError) -> OpenedVolume {
        let outer: OuterImage
        do throws(OuterImage.Malformed) {
            outer = try OuterImage(size: part.size, read: read)
        } catch {
            throw damaged(error.reason)
        }
        let configuration = try GocryptfsConfiguration(parsing: outer.configuration)
        let head = try header(outer)
        guard let id = GocryptfsFile.id(ofHeader: head) else {
            throw damaged("its encrypted file is of another version")
        }
        guard let size = GocryptfsFile.plainSize(stored: outer.storedSize), size > 0 else {
            throw damaged("its encrypted file is cut off")
        }
        let key = try configuration.masterKey(passphrase: secret)
        return OpenedVolume(
            .blocks(id: id, split: outer.split, rest: part.offset + outer.rest), place: part.offset + outer.start,
            size: size, key: key)
    }

    private func damaged(_ reason: String) -> PluginError {
        PluginError("cannot open \(path): \(reason)", status: SKIFF_E_INVALID)
    }

    private func read(_ offset: UInt64, _ count: Int) throws(OuterImage.Malformed) -> [UInt8] {
        do throws(SystemError) {
            return try Host.read(part.descriptor, at: Int64(clamping: part.offset + offset), count: count)
        } catch {
            throw OuterImage.Malformed("it cannot be read: error \(error.number)")
        }
    }

    private func header(_ outer: OuterImage) throws(PluginError) -> [UInt8] {
        let count = GocryptfsFile.headerSize
        do throws(OuterImage.Malformed) {
            let whole = UInt64(count)
            if outer.split >= whole { return try read(outer.start, count) }
            // A small file is in a fragment alone.
            guard outer.split == 0, outer.storedSize >= whole else { return [] }
            return try read(outer.rest, count)
        } catch {
            throw damaged(error.reason)
        }
    }
}
