import Base
import Core
import Linux
import Packing

/// Facts about a SIF that is to be pushed.
struct SIFFacts {
    let path: String
    let architecture: SIFArchitecture
    /// The time of creation by RFC 3339, in UTC; nil when it is unknown.
    let created: String?
    let size: Int64
    let labels: [String: String]
    private let objects: [SIFDescriptor]

    /// - Throws: when it is not a SIF, or for an unknown processor.
    init(_ path: String) throws(SkiffError) {
        self.path = path
        let file = try during("cannot read \(path)") { () throws(Errno) in try open(path, 0) }
        let image: SIFImage
        do throws(SkiffError) {
            image = try SIFImage(reading: file.raw)
        } catch {
            throw SkiffError("cannot push \(path): it is no SIF: \(error.message)")
        }
        size = try during("cannot read \(path)") { () throws(Errno) in try status(of: file.raw).size }
        architecture = image.header.architecture
        guard architecture.code > 0 else {
            throw SkiffError("cannot push \(path): the SIF does not say for which architecture it is")
        }
        objects = image.objects
        labels = Self.labels(image, file.raw)
        let label = labels["org.label-schema.build-date"].flatMap { Self.time(buildDate: $0) }
        created = label ?? (image.header.created > 0 ? universalTimeText(image.header.created) : nil)
    }

    private static func labels(_ image: SIFImage, _ file: CInt) -> [String: String] {
        guard let object = image.metadata, (0...(16 << 20)).contains(object.size),
            let bytes = try? readBytes(file, at: object.offset, count: Int(object.size)),
            let metadata = try? InspectMetadata(parsing: bytes)
        else { return [:] }
        return metadata.container.labels
    }

    /// Returns the bytes of a JSON object in the SIF, or nil without one.
    func object(named name: String) throws(SkiffError) -> [UInt8]? {
        guard
            let object = objects.first(where: { $0.type == .genericJSON && $0.name == Array(name.utf8) }),
            (0...(16 << 20)).contains(object.size)
        else { return nil }
        return try during("cannot read \(path)") { () throws(Errno) in
            let file = try open(path, 0)
            return try readBytes(file.raw, at: object.offset, count: Int(object.size))
        }
    }

    /// Returns the time of `Wednesday_13_May_2026_9:41:25_UTC`, as builders write it, or nil for another time zone,
    /// whose name does not tell its offset.
    static func time(buildDate: String) -> String? {
        let words = buildDate.split(separator: "_").map(String.init)
        guard words.count == 6, words[5] == "UTC", let day = Int(words[1]),
            let month = CalendarTime.months.firstIndex(of: words[2]),
            let year = Int(words[3]), (1970...9999).contains(year), (1...31).contains(day)
        else { return nil }
        let clock = words[4].split(separator: ":").compactMap { Int($0) }
        guard clock.count == 3, clock[0] < 24, clock[1] < 60, clock[2] < 61, clock.allSatisfy({ $0 >= 0 }) else {
            return nil
        }
        func two(_ number: Int) -> String { twoDigits(Int64(number)) }
        return "\(year)-\(two(month + 1))-\(two(day))T\(two(clock[0])):\(two(clock[1])):\(two(clock[2]))Z"
    }
}
