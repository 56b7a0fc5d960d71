import CLinux

/// The files of one directory whose names end alike, as a single block of memory, to search them all at once: a thousand
/// small files cost little more than the system calls that read them.
///
/// Nothing is promised about who wrote a file, or that it is one: what is found has to be opened and checked. Files that
/// cannot be read, and the rest of those that are longer than the limit, are not searched.
package final class FileBlock {
    private struct File {
        var name: Range<Int>
        var content: Range<Int>
    }

    /// Name and content of each file, each followed by a line feed. Grown by realloc(3), which moves pages and not bytes.
    private var memory: UnsafeMutablePointer<UInt8>
    private var count = 0
    private var capacity: Int
    private var files: [File] = []

    /// - Parameters:
    ///   - suffix: of the names; those that begin with a dot are left out.
    ///   - limit: bytes of each file.
    package init(_ path: String, suffix: StaticString, limit: Int) throws(Errno) {
        let directory = try checked(path) { skl_openat(AT_FDCWD, $0, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0) }
        guard let stream = fdopendir(directory), let memory = malloc(2 * (limit + 512)) else {
            let error = Errno.current
            _ = CLinux.close(directory)
            throw error
        }
        defer { closedir(stream) }
        self.memory = memory.assumingMemoryBound(to: UInt8.self)
        capacity = 2 * (limit + 512)
        while let entry = readdir(stream) {
            guard entry.pointee.d_type == DT_REG || entry.pointee.d_type == DT_UNKNOWN else { continue }
            try withUnsafePointer(to: &entry.pointee.d_name) { field throws(Errno) in
                try field.withMemoryRebound(to: CChar.self, capacity: 256) { name throws(Errno) in
                    try add(name, suffix, directory, limit)
                }
            }
        }
    }

    deinit { free(memory) }

    private func add(
        _ name: UnsafePointer<CChar>, _ suffix: StaticString, _ directory: CInt, _ limit: Int
    ) throws(Errno) {
        let (length, tail) = (strlen(name), suffix.utf8CodeUnitCount)
        guard length > tail, name[0] != 0x2E, memcmp(name + length - tail, suffix.utf8Start, tail) == 0 else { return }
        let file = skl_openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0)
        guard file >= 0 else { return }
        defer { _ = CLinux.close(file) }
        // A name has at most 255 bytes.
        if capacity - count < limit + 512 {
            guard let larger = realloc(memory, 2 * capacity) else { throw .noMemory }
            (memory, capacity) = (larger.assumingMemoryBound(to: UInt8.self), 2 * capacity)
        }
        let start = count
        memcpy(memory + count, name, length)
        end(length)
        let content = count
        // A regular file gives all it has; asking once more whether that was the end takes a quarter of the time.
        let size = max(0, CLinux.read(file, memory + content, limit))
        end(size)
        files.append(File(name: start..<start + length, content: content..<content + size))
    }

    /// Counts bytes that were written, and puts a line feed behind them.
    private func end(_ size: Int) {
        memory[count + size] = 0x0A
        count += size + 1
    }

    /// Returns the names of the files that hold a word at a place that `accepts` takes.
    ///
    /// - Parameter accepts: gets the whole block and where in it the word is.
    package func names(
        with word: [UInt8], where accepts: (UnsafeBufferPointer<UInt8>, Range<Int>) -> Bool
    ) -> [String] {
        guard let needle = Needle(word) else { return [] }
        let block = UnsafeBufferPointer(start: memory, count: count)
        var (names, next): ([String], Int) = ([], 0)
        while let found = needle.search(block, from: next) {
            next = found + 1
            guard let file = file(at: found), found >= file.content.lowerBound,
                found + word.count <= file.content.upperBound, accepts(block, found..<found + word.count)
            else { continue }
            names.append(String(bytes: block[file.name]))
            next = file.content.upperBound
        }
        return names
    }

    /// The last file that begins at or before the place.
    private func file(at place: Int) -> File? {
        var (low, high) = (0, files.count)
        while low < high {
            let middle = (low + high) / 2
            if files[middle].name.lowerBound <= place { low = middle + 1 } else { high = middle }
        }
        return low > 0 ? files[low - 1] : nil
    }
}

/// A word that is looked for by the byte of it that text has least often: memchr(3) takes 32 bytes at once, memmem(3) two
/// or three.
private struct Needle {
    private let word: [UInt8]
    private let rare: Int
    /// The place of another byte, which is compared before the whole word.
    private let next: Int

    /// Nil for an empty word.
    init?(_ word: [UInt8]) {
        guard let rare = word.indices.max(by: { Self.rarity(word[$0]) < Self.rarity(word[$1]) }) else { return nil }
        (self.word, self.rare) = (word, rare)
        next = rare > 0 ? rare - 1 : word.count - 1
    }

    func search(_ block: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
        guard let base = block.baseAddress else { return nil }
        let (count, size, value, second) = (block.count, word.count, CInt(word[rare]), word[next])
        var place = start
        while place + size <= count, let found = memchr(base + place + rare, value, count - place - size + 1) {
            place = UnsafeRawPointer(found) - UnsafeRawPointer(base) - rare
            if base[place + next] == second, memcmp(base + place, word, size) == 0 { return place }
            place += 1
        }
        return nil
    }

    /// Letters by how often they stand in English and in names; whatever else there is stands there less often.
    private static func rarity(_ byte: UInt8) -> Int {
        let common = Array(" etaoinsrhldcumfpgwybvkxjqz".utf8)
        return common.firstIndex(of: byte) ?? common.count
    }
}
