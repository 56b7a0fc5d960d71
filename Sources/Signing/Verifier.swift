import Base
package import Core
import Digest

/// Verifies the signatures of an open SIF file (Docs/spec/signing.md §7). Every signature of what is to be verified
/// must be good, and must cover it as it is now; the first that fails ends the verification.
package struct Verifier {
    private let file: CInt
    private let image: SIFImage
    private let clearSigned: (any MessageVerifier)?
    private let envelopes: (any MessageVerifier)?

    /// - Parameters:
    ///   - file: lent; the image is read from it.
    ///   - clearSigned: checks OpenPGP messages; nil when there are no such keys.
    ///   - envelopes: checks envelopes; nil when there are no such keys.
    package init(
        _ file: CInt, _ image: SIFImage, clearSigned: (any MessageVerifier)?, envelopes: (any MessageVerifier)? = nil
    ) {
        (self.file, self.image) = (file, image)
        (self.clearSigned, self.envelopes) = (clearSigned, envelopes)
    }

    /// The result of one signature.
    package struct Outcome: Sendable {
        package let task: VerificationTask
        /// The id of the signature object.
        package let signature: UInt32
        package let signer: Signer?
        /// The objects that are unchanged since they were signed, in the order of the table.
        package let verified: [UInt32]
        /// Nil when all of them are.
        package let failure: VerificationError?
    }

    /// - Parameters:
    ///   - tasks: what to verify; empty for every group.
    ///   - report: called for each signature that was looked at, including one that ends the verification.
    /// - Returns: the outcomes of the signatures, all of them good.
    @discardableResult
    package func verify(_ tasks: [VerificationTask] = [], report: (Outcome) -> Void = { _ in })
        throws(VerificationError) -> [Outcome]
    {
        var scopes: [Scope] = []
        for task in tasks.isEmpty ? try allGroups() : tasks { scopes.append(try scope(task)) }
        guard image.objects.allSatisfy({ $0.group != 0 || $0.type == .signature }) else { throw .ungroupedObject }
        var outcomes: [Outcome] = []
        for scope in scopes { outcomes += try verify(scope, report) }
        return outcomes
    }

    /// Verifies all groups, and that each of the given keys has signed every group.
    ///
    /// - Parameter fingerprints: those of primary keys, 40 hexadecimal digits in either case; any other text has not
    ///   signed.
    package func verify(signedBy fingerprints: [String]) throws(VerificationError) {
        let outcomes = try verify()
        let groups = try allGroups()
        let isSigned = fingerprints.allSatisfy { text in
            guard let wanted = bytes(hexadecimal: text), !wanted.isEmpty else { return false }
            return groups.allSatisfy { group in
                outcomes.contains { $0.task == group && $0.signer?.fingerprint == wanted }
            }
        }
        if !isSigned { throw .notSignedByRequired }
    }

    // MARK: - What there is to do

    private struct Scope {
        let task: VerificationTask
        let group: UInt32
        let objects: [SIFDescriptor]
        /// The lowest id of the group.
        let base: UInt32
        /// Whether the signature may cover more than is asked for.
        var allowsSubset: Bool { if case .object = task { true } else { false } }
    }

    private func allGroups() throws(VerificationError) -> [VerificationTask] {
        let groups = Set(image.objects.map(\.group)).subtracting([0])
        if groups.isEmpty { throw .noGroups }
        return groups.sorted().map { .group($0) }
    }

    private func scope(_ task: VerificationTask) throws(VerificationError) -> Scope {
        let group: UInt32
        var wanted: SIFDescriptor?
        switch task {
        case .group(let number): group = number
        case .object(let id):
            guard let object = image.objects.first(where: { $0.id == id }) else { throw .objectNotFound }
            (group, wanted) = (object.group, object)
        }
        let members = image.objects.filter { $0.group == group }
        guard group != 0, let base = members.map(\.id).min() else { throw .groupNotFound }
        return Scope(task: task, group: group, objects: wanted.map { [$0] } ?? members, base: base)
    }

    // MARK: - One group

    /// A signature whose message is good, and what it says.
    private struct Statement {
        let signature: SIFDescriptor
        let signer: Signer?
        let metadata: ImageMetadata
    }

    private func verify(_ scope: Scope, _ report: (Outcome) -> Void) throws(VerificationError) -> [Outcome] {
        let signatures = try self.signatures(of: scope.group)
        if signatures.isEmpty { throw .signatureNotFound(.group(scope.group)) }
        // All messages first, so that the data of objects is read once for all of them.
        var statements: [Statement] = []
        var failed: Outcome?
        for (signature, format, bytes) in signatures where failed == nil {
            do throws(VerificationError) {
                statements.append(try statement(signature, format, bytes))
            } catch {
                failed = Outcome(task: scope.task, signature: signature.id, signer: nil, verified: [], failure: error)
            }
        }
        var outcomes: [Outcome] = []
        let digests = ObjectDigests(file)
        for statement in statements {
            let outcome = compare(statement, scope, digests, statements)
            report(outcome)
            if let failure = outcome.failure { throw failure }
            outcomes.append(outcome)
        }
        if let failed, let failure = failed.failure {
            report(failed)
            throw failure
        }
        return outcomes
    }

    /// Returns the signatures of a group, without those of old tools.
    private func signatures(of group: UInt32) throws(VerificationError) -> [(SIFDescriptor, SignatureFormat, [UInt8])] {
        var found: [(SIFDescriptor, SignatureFormat, [UInt8])] = []
        for object in image.objects where object.type == .signature && object.link == .group(group) {
            let bytes = try VerificationError.checked { () throws(SkiffError) in
                try readObject(object, of: file, limit: Self.longestSignature)
            }
            let format = SignatureFormat(bytes)
            if !format.isLegacy { found.append((object, format, bytes)) }
        }
        return found
    }

    /// A signature of an image with a table full of objects has some 20 kB.
    private static let longestSignature = 16 << 20

    private func statement(_ signature: SIFDescriptor, _ format: SignatureFormat, _ bytes: [UInt8])
        throws(VerificationError) -> Statement
    {
        let verifier = try self.verifier(format)
        let message: VerifiedMessage
        do throws(MessageProblem) {
            message = try verifier.verify(bytes)
        } catch {
            switch error {
            case .invalid(let reason): throw .signatureNotValid(signature.id, reason: reason)
            case .notChecked(let error): throw .notChecked(error)
            }
        }
        let metadata: ImageMetadata
        do throws(ImageMetadata.Malformed) {
            metadata = try ImageMetadata(parsing: message.text)
        } catch {
            throw .signatureNotValid(signature.id, reason: error.description)
        }
        return Statement(signature: signature, signer: message.signer, metadata: metadata)
    }

    private func verifier(_ format: SignatureFormat) throws(VerificationError) -> any MessageVerifier {
        switch format {
        case .envelope:
            if let envelopes { return envelopes }
            throw .keyMaterialMissing("DSSE envelope")
        case .clearSigned, .legacy:
            if let clearSigned { return clearSigned }
            throw .keyMaterialMissing("PGP clear-sign")
        case .unknown: throw .formatNotRecognized
        }
    }

    // MARK: - One signature

    private func compare(
        _ statement: Statement, _ scope: Scope, _ digests: ObjectDigests, _ all: [Statement]
    ) -> Outcome {
        var verified: [UInt32] = []
        var failure: VerificationError?
        do throws(VerificationError) {
            try checkSigner(statement)
            let signed = try signedObjects(statement.metadata, scope)
            try checkHeader(statement.metadata)
            for object in scope.objects {
                guard let metadata = signed[object.id] else { throw .objectNotSigned(object.id) }
                try check(object, metadata, digests, all)
                verified.append(object.id)
            }
        } catch {
            failure = error
        }
        return Outcome(
            task: scope.task, signature: statement.signature.id, signer: statement.signer, verified: verified,
            failure: failure)
    }

    /// Checks that the descriptor names the key that made the signature.
    private func checkSigner(_ statement: Statement) throws(VerificationError) {
        guard let signer = statement.signer else { return }
        guard case .signature(let facts) = statement.signature.extra, facts.fingerprint == signer.fingerprint else {
            throw .fingerprintMismatch
        }
    }

    /// Returns the objects that were signed, by the ids that they have now.
    private func signedObjects(_ metadata: ImageMetadata, _ scope: Scope) throws(VerificationError)
        -> [UInt32: ImageMetadata.ObjectMetadata]
    {
        var signed: [UInt32: ImageMetadata.ObjectMetadata] = [:]
        for object in metadata.objects {
            let (id, overflow) = scope.base.addingReportingOverflow(object.relativeID)
            if overflow { throw .signedObjectNotFound(object.relativeID) }
            signed[id] = object
        }
        if scope.allowsSubset { return signed }
        let present = Set(scope.objects.map(\.id))
        for object in scope.objects where signed[object.id] == nil { throw .objectNotSigned(object.id) }
        if let missing = signed.keys.filter({ !present.contains($0) }).min() { throw .signedObjectNotFound(missing) }
        return signed
    }

    private func checkHeader(_ metadata: ImageMetadata) throws(VerificationError) {
        let isSame = try VerificationError.checked { () throws(SkiffError) in
            try metadata.header.matches(SignedFields.header(image.header))
        }
        if !isSame { throw .header }
    }

    private func check(
        _ object: SIFDescriptor, _ metadata: ImageMetadata.ObjectMetadata, _ digests: ObjectDigests, _ all: [Statement]
    ) throws(VerificationError) {
        let isSame = try VerificationError.checked { () throws(SkiffError) in
            try metadata.descriptor.matches(SignedFields.descriptor(object, relativeID: metadata.relativeID))
        }
        if !isSame { throw .descriptor(object.id) }
        var wanted: Set<HashAlgorithm> = []
        for statement in all {
            for other in statement.metadata.objects where other.relativeID == metadata.relativeID {
                wanted.insert(other.data.algorithm)
            }
        }
        let found = try VerificationError.checked { () throws(SkiffError) in
            try digests.digest(of: object, metadata.data.algorithm, wanted: wanted)
        }
        if found != metadata.data.value { throw .object(object.id) }
    }
}
