using System.Diagnostics.CodeAnalysis;

namespace Net.Migration.Directory;

/// <summary>The directory inside an ingress: <see cref="Ownership"/> whose every change is durable before it is answered.</summary>
/// <remarks>After a failed append it is unknown what a restart will read, so it answers nothing any more: silence is always safe.</remarks>
internal sealed class EmbeddedDirectory : IOwnershipDirectory
{
    private readonly IDirectoryStorage _storage;
    private readonly Ownership _ownership;
    private readonly Queue<OwnershipAnswer> _answers = new();
    private readonly Queue<OwnershipRecord> _changes = new();
    private ulong _chain;

    /// <exception cref="DirectoryLogException">The log is damaged.</exception>
    /// <exception cref="IOException">The storage failed.</exception>
    public EmbeddedDirectory(IDirectoryStorage storage)
    {
        _storage = storage;
        ReadOnlySpan<byte> log = storage.Load().Span;
        _ownership = DirectoryLog.Replay(log, out _chain, out int length);
        if (length < log.Length)
        {
            storage.Truncate(length);
        }

        if (length == 0)
        {
            storage.Append(DirectoryLog.Preamble());
        }

        foreach (OwnershipRecord record in _ownership.Records)
        {
            _changes.Enqueue(record);
        }
    }

    /// <summary>Why it stopped answering; null while it works.</summary>
    public IOException? Failure { get; private set; }

    public string? Trouble => Failure is null ? null
        : $"the directory cannot be written any more ({Failure.Message}): traffic goes on, nothing moves; restart the ingress";

    public IReadOnlyCollection<OwnershipRecord> Records => _ownership.Records;

    public void Submit(OwnershipRequest request, Member requester)
    {
        if (Failure is not null)
        {
            return;
        }

        OwnershipAnswer answer = _ownership.Decide(request, requester, out OwnershipRecord? changed);
        if (changed is not null)
        {
            ulong chain = _chain;
            byte[] bytes = DirectoryLog.Encode(changed, ref chain);
            try
            {
                _storage.Append(bytes);
            }
            catch (IOException failure)
            {
                Failure = failure;
                return;
            }

            _chain = chain;
            _ = _ownership.Install(changed);
            _changes.Enqueue(changed);
        }

        _answers.Enqueue(answer);
    }

    public bool TryTakeAnswer([NotNullWhen(true)] out OwnershipAnswer? answer) => _answers.TryDequeue(out answer);

    public bool TryTakeChange([NotNullWhen(true)] out OwnershipRecord? record) => _changes.TryDequeue(out record);
}
