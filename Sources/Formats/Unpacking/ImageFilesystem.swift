package import Core
import Extfs
package import Extraction
package import Linux
package import Squashfs

/// The file system of an image, for callers that cannot have it mounted. Our own reader (squashfs) or libext2fs (ext3)
/// reads it, and one checked writer makes the files; no other program ever sees the bytes.
package struct ImageFilesystem: Sendable {
    private let kind: RootFilesystem
    /// Where it lies in the image file.
    private let range: ByteRange

    /// - Parameter kind: squashfs or ext3.
    package init(kind: RootFilesystem, range: ByteRange) { (self.kind, self.range) = (kind, range) }

    /// Writes all files into an empty directory that nobody else writes to; what was written stays when it fails.
    /// - Parameter leavesOutLostAndFound: whether to leave out the directory that belongs to ext3 and not to its
    ///   content.
    package func extract(
        from image: consuming OwnedFD, to target: CInt, _ options: ExtractionOptions,
        leavesOutLostAndFound: Bool = false
    ) throws(ExtractionError) -> ExtractionReport {
        guard kind == .ext3 else { return try squashfs(image).extract(to: target, options) }
        return try ext3(image, leavesOutLostAndFound).extract(to: target, options)
    }

    /// The same for squashfs whose bytes come from `source`, which decrypts them.
    package static func extract(
        squashfs source: any ByteSource, to target: CInt, _ options: ExtractionOptions
    ) throws(ExtractionError) -> ExtractionReport {
        let reader: SquashfsReader
        do throws(SquashfsError) {
            reader = try SquashfsReader(source)
        } catch {
            throw ExtractionError(path: [], reason: .image(error.description))
        }
        return try reader.extract(to: target, options)
    }

    private func squashfs(_ image: consuming OwnedFD) throws(ExtractionError) -> SquashfsReader {
        let source: FileSource
        do throws(Errno) {
            source = try FileSource(image, range)
        } catch {
            throw ExtractionError(path: [], reason: .image(error.description))
        }
        do throws(SquashfsError) {
            return try SquashfsReader(source)
        } catch {
            throw ExtractionError(path: [], reason: .image(error.description))
        }
    }

    private func ext3(_ image: consuming OwnedFD, _ leavesOutLostAndFound: Bool) throws(ExtractionError) -> ExtfsReader
    {
        do throws(ExtfsError) {
            return try ExtfsReader(image, range, leavesOutLostAndFound: leavesOutLostAndFound)
        } catch {
            throw ExtractionError(path: [], reason: .image(error.description))
        }
    }
}
