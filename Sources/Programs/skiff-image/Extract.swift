import Base
import CLinux
import Core
import Extraction
import Linux
import Unpacking

/// `__extract --filesystem NAME --offset N --size N DIR` with an image on descriptor 3: unpacks its file system into an
/// empty directory, for hosts where it cannot be mounted.
struct Extract {
    private static let imageDescriptor: CInt = 3

    /// Where the file system lies in the image file.
    private var range = ByteRange.whole
    private var directory = ""
    private var filesystem = RootFilesystem.squashfs

    init(_ words: [String]) throws(SkiffError) {
        var rest = words[...]
        while let word = rest.popFirst() {
            switch word {
            case "--filesystem":
                guard let kind = rest.popFirst().flatMap({ RootFilesystem(rawValue: $0) }), kind != .directory else {
                    throw Self.misuse
                }
                filesystem = kind
            case "--offset": range.offset = try Self.number(word, rest.popFirst())
            case "--size": range.size = try Self.number(word, rest.popFirst())
            default:
                guard directory.isEmpty, !word.isEmpty else { throw Self.misuse }
                directory = word
            }
        }
        guard !directory.isEmpty else { throw Self.misuse }
    }

    private static func number(_ flag: String, _ text: String?) throws(SkiffError) -> Int64 {
        guard let number = text.flatMap({ Int64($0) }), number >= 0 else { throw misuse }
        return number
    }

    private static var misuse: SkiffError {
        SkiffError("__extract is used by skiff only: __extract --offset N --size N DIR", code: .command)
    }

    func run() throws(SkiffError) -> Int32 {
        let target = try during("cannot open directory \(directory)") { () throws(Errno) in
            try open(directory, O_RDONLY | O_DIRECTORY)
        }
        let report = try unpack(to: target.raw)
        if !report.devicesLeftOut.isEmpty {
            Log.verbose("Left out \(report.devicesLeftOut.count) device nodes, which take privileges to make")
        }
        if report.xattrsLeftOut > 0 {
            Log.verbose("Left out \(report.xattrsLeftOut) extended attributes that \(directory) cannot have")
        }
        return 0
    }

    private func unpack(to target: CInt) throws(SkiffError) -> ExtractionReport {
        let everything = Self.mayGiveFilesAway
        do throws(ExtractionError) {
            var options = ExtractionOptions(
                owners: everything, devices: everything, xattrs: everything ? .all : .user)
            let progress = ProgressLine("Extracting", total: 0)
            options.watch = progress.advance
            return try ImageFilesystem(kind: filesystem, range: range).extract(
                from: OwnedFD(adopting: Self.imageDescriptor), to: target, options)
        } catch {
            throw explain(error)
        }
    }

    private func explain(_ error: ExtractionError) -> SkiffError {
        let path = String(bytes: error.path)
        switch error.reason {
        case .image(let reason) where error.path.isEmpty:
            return SkiffError("cannot read the image's file system: \(reason)")
        case .image(let reason): return SkiffError("cannot read /\(path) in the image: \(reason)")
        case .write(let errno):
            let isFull = errno == .noSpace || errno == Errno(EDQUOT)
            return SkiffError(
                "cannot write \(directory)/\(path)", errno: errno,
                hint: isFull ? "Set APPTAINER_TMPDIR to a directory with more room" : nil)
        }
    }

    /// Only root of the first user namespace may: root of another cannot give files to ids that it does not have.
    private static var mayGiveFilesAway: Bool {
        effectiveUID() == 0 && UserIDMap.ofThisProcess?.isInitial == true
    }
}
