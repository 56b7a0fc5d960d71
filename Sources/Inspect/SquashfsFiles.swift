import Base
import Linux
import Packing
import Squashfs

/// A squashfs image, read without mounting it.
struct SquashfsFiles: ImageFiles {
    let reader: SquashfsReader

    func text(_ path: String) throws(SkiffError) -> String? {
        do throws(SquashfsError) {
            guard let file = try reader.lookup(path: path), file.kind == .file else { return nil }
            if let content = try reader.content(of: file, limit: largestFile) {
                return String(bytes: content)
            }
        } catch {
            throw SkiffError("cannot read \(path) of the image: \(error)")
        }
        throw tooLarge(path)
    }

    func names(_ directory: String) throws(SkiffError) -> [String] {
        do throws(SquashfsError) {
            guard let found = try reader.lookup(path: directory), found.isDirectory else { return [] }
            var cursor = try reader.entries(of: found)
            var names: [String] = []
            while let entry = try cursor.next() { names.append(String(bytes: entry.name)) }
            return names
        } catch {
            throw SkiffError("cannot read \(directory) of the image: \(error)")
        }
    }
}
