using System.Diagnostics.CodeAnalysis;

namespace Net.Migration.Directory;

/// <summary>The directory inside an ingress: <see cref="Ownership"/> whose every change is durable before it is answered.</summary>
/// <remarks>
/// After a failed append it is unknown what a restart will read, so it answers nothing any more: silence is always safe. So that a full disk does not come to
/// that, room is made ahead: without it no move begins, and those that have begun still find theirs.
/// </remarks>
internal sealed class EmbeddedDirectory : IOwnershipDirectory
{
    /// <summary>Made ahead: what dozens of moves, own writes and take-overs need.</summary>
    private const int Room = 16 * 1024;

    private readonly IDirectoryStorage _storage;
    private readonly Ownership _ownership;
    private readonly Queue<OwnershipAnswer> _answers = new();
    private readonly Queue<OwnershipRecord> _changes = new();
    private ulong _chain;
    private string? _noRoom;

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

        // What was in the middle of a move when an ingress ended has to find its room at the next.
        _ = TryRecover();
    }

    /// <summary>Why it stopped answering; null while it works.</summary>
    public IOException? Failure { get; private set; }

    public string? Trouble => Failure is not null ? $"the directory cannot be written any more ({Failure.Message}): traffic goes on, nothing moves; restart the ingress"
        : _noRoom;

    public bool AnswersStill => Failure is null;

    public IReadOnlyCollection<OwnershipRecord> Records => _ownership.Records;

    public bool TryRecover()
    {
        _noRoom = Failure is null ? WhyNoRoom(Room) : null;
        return Trouble is null;
    }

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
            if (WhyNoRoom(bytes.Length) is string why)
            {
                // Nothing of it is written, and it is asked for again.
                _noRoom = why;
                return;
            }

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
            // Somebody may stand still until this is answered: room is made ahead when the next move is asked for, and only trouble is looked into here.
            if (_noRoom is not null)
            {
                _ = TryRecover();
            }
        }

        _answers.Enqueue(answer);
    }

    public bool TryTakeAnswer([NotNullWhen(true)] out OwnershipAnswer? answer) => _answers.TryDequeue(out answer);

    public bool TryTakeChange([NotNullWhen(true)] out OwnershipRecord? record) => _changes.TryDequeue(out record);

    /// <summary>Sees to it that so many bytes can be appended.</summary>
    /// <returns>Null: they can.</returns>
    private string? WhyNoRoom(int bytes)
    {
        try
        {
            return _storage.TryMakeRoom(bytes) ? null : "the disk of the directory's log is full: traffic goes on, nothing moves until there is room";
        }
        catch (IOException failure)
        {
            // Nothing that was appended is in doubt: unlike after a failed append, it may go on when the disk does.
            return $"the disk of the directory's log fails ({failure.Message}): traffic goes on, nothing moves until it works";
        }
    }
}
