using System.Diagnostics.CodeAnalysis;

namespace Net.Migration.Directory;

/// <summary>A directory as its users see it: requests go in, answers come out later, twice, or never.</summary>
/// <remarks>No task and no callback: who drives it (a node's loop, the simulator) takes out what is there when it is there.</remarks>
internal interface IOwnershipDirectory
{
    /// <summary>All records as they are known here; one that somebody else has changed may be late.</summary>
    IReadOnlyCollection<OwnershipRecord> Records { get; }

    /// <summary>Why requests are not answered at present, and what to do, for people; null while they are.</summary>
    string? Trouble { get; }

    /// <summary>Whether what must not wait is answered: the end of a move that has begun, a take-over. New moves go by <see cref="TryRecover"/>.</summary>
    bool AnswersStill => Trouble is null;

    /// <summary>Looks whether its trouble is over, where that can be seen from here. Before a move is refused for it.</summary>
    /// <returns>Whether <see cref="Trouble"/> is null now.</returns>
    bool TryRecover() => Trouble is null;

    /// <param name="request">What is asked; it may be repeated under a new number while no answer has come.</param>
    /// <param name="requester">Who asks, as authenticated.</param>
    void Submit(OwnershipRequest request, Member requester);

    /// <summary>Nothing more is asked for at the moment: what waits to be made durable together with other things is. Where nothing waits for others there is nothing to do.</summary>
    void Commit()
    {
    }

    bool TryTakeAnswer([NotNullWhen(true)] out OwnershipAnswer? answer);

    /// <summary>Records in the order in which they changed; may be late, must not be lost while this object lives.</summary>
    bool TryTakeChange([NotNullWhen(true)] out OwnershipRecord? record);
}
