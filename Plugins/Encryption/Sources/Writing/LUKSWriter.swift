import Glibc
package import PluginKit

/// Writes a squashfs as Apptainer's root builds have it: a LUKS2 header of 16 MiB, then sectors of 512 bytes in AES-256-XTS. The data is
/// encrypted as it comes; the header, whose key derivation takes long, is made meanwhile by a thread, and written last.
package final class LUKSWriter: VolumeWriter {
    package let filesystem = VolumeFilesystem.luks.rawValue
    package let blockSize = 512
    private let place: VolumePlace
    private let encrypting: SectorCipher
    private let decrypting: SectorCipher
    private let header: LateHeader

    package init(_ place: VolumePlace, _ secret: VolumeSecret) throws(PluginError) {
        let key = try SecretBytes(random: LUKSHeader.keySize)
        self.place = place
        encrypting = try SectorCipher(.encrypting, key: key, sectorSize: 512, threads: 16)
        decrypting = try SectorCipher(.decrypting, key: key, sectorSize: 512, threads: 2)
        header = LateHeader(key, secret)
    }

    deinit { header.forget() }

    package func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(SystemError) {
        header.begin()
        let count = (bytes.count + blockSize - 1) / blockSize * blockSize
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 64)
        defer { room.deallocate() }
        room.copyMemory(from: bytes)
        // The rest of a last sector.
        for index in bytes.count..<count { room[index] = 0 }
        guard encrypting.run(room, at: offset) else { throw .invalidArgument }
        try place.write(UnsafeRawBufferPointer(room), at: LUKSHeaderFile.dataOffset + offset)
    }

    package func read(into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(SystemError) {
        try place.read(into: bytes, at: LUKSHeaderFile.dataOffset + offset)
        guard decrypting.run(bytes, at: offset) else { throw .invalidArgument }
    }

    package func finish(plainSize: UInt64) throws(PluginError) -> UInt64 {
        try header.wait().write(to: place.descriptor, at: place.offset)
        let (padded, overflow) = plainSize.addingReportingOverflow(LUKSHeaderFile.dataOffset + 511)
        guard !overflow else { throw PluginError("cannot write a volume of \(plainSize) bytes") }
        return padded / 512 * 512
    }
}

/// A header that a thread makes.
private final class LateHeader: @unchecked Sendable {
    private let key: SecretBytes
    private let secret: VolumeSecret
    // Guards what follows.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private var thread: pthread_t?
    private var hasBegun = false
    private var result: Result<LUKSHeaderFile, PluginError>?

    init(_ key: SecretBytes, _ secret: VolumeSecret) {
        (self.key, self.secret) = (key, secret)
        mutex.initialize(to: pthread_mutex_t())
        pthread_mutex_init(mutex, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    /// Starts the thread at the first call.
    func begin() {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        if hasBegun { return }
        hasBegun = true
        var started = pthread_t()
        let box = Unmanaged.passRetained(self)
        let status = pthread_create(
            &started, nil,
            { context in
                if let context { Unmanaged<LateHeader>.fromOpaque(context).takeRetainedValue().make() }
                return nil
            }, box.toOpaque())
        if status == 0 { thread = started } else { box.release() }
    }

    private func make() {
        do throws(PluginError) {
            let header = try LUKSHeaderFile(volumeKey: key)
            try header.add(
                secret.secret, secret.message == nil ? .passphrase : .randomSecret, volumeKey: key)
            result = .success(header)
        } catch {
            result = .failure(error)
        }
    }

    /// Lets the thread end by itself.
    func forget() {
        if let thread { pthread_detach(thread) }
        thread = nil
    }

    /// Starts the thread, if it has not begun, and waits for its end.
    func wait() throws(PluginError) -> LUKSHeaderFile {
        begin()
        if let thread {
            pthread_join(thread, nil)
            self.thread = nil
        } else if result == nil {
            // A system without threads to spare.
            make()
        }
        switch result {
        case .success(let header)?: return header
        case .failure(let error)?: throw error
        case nil: throw PluginError("cannot make the LUKS2 header")
        }
    }
}
