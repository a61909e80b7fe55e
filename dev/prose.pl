#!/usr/bin/perl
# Checks the language of files by the rules of prose-rules.txt. Called by prose.sh.
#   prose.pl RULES --self-test     each rule reports its own example, and no rule reports a sentence of [fine]
#   prose.pl RULES FILE...         prints FILE:LINE, the phrase that was found, and what to write instead
use strict;
use warnings;

my ($rules_file, @files) = @ARGV;
my (%rules, @fine);

# A rule is a regular expression, the advice, and an example, with tabs between them. A space in the expression also
# matches the end of a line.
sub read_rules {
    my $section = '';
    open(my $in, '<', $rules_file) or die "$rules_file: $!\n";
    while (my $line = <$in>) {
        chomp $line;
        next if $line =~ /^\s*(#|$)/;
        if ($line =~ /^\[(.*)\]$/) { $section = $1; next }
        if ($section eq 'fine') { push @fine, $line; next }
        next if $section ne 'doc comments' && $section ne 'everywhere';
        my ($expression, $advice, $example, $rest) = split /\t+/, $line;
        die "$rules_file:$.: a rule is REGEX, ADVICE, EXAMPLE with tabs between them\n" if !defined $example || defined $rest;
        $expression =~ s/ /\\s+/g;
        push @{ $rules{$section} }, { regex => qr/$expression/i, advice => $advice, example => $example, line => $. };
    }
    die "$rules_file has no rules\n" if !$rules{'doc comments'} || !$rules{'everywhere'};
}

# The text of a line without its indentation and its mark of a comment, so that a phrase is found across two lines.
sub text_of {
    my ($line) = @_;
    $line =~ s{^\s*(///|//!|//|#+ |#!|--|\*|>)?\s*}{};
    return $line;
}

# findings TEXT: pairs of the line and the message, in the order of the lines.
sub findings {
    my ($text) = @_;
    my @found;
    my @lines = split /\n/, $text, -1;
    my $in_doc = 0;
    for my $number (0 .. $#lines) {
        my $is_doc = $lines[$number] =~ m{^\s*//[/!]\s?(.*)};
        if ($is_doc && !$in_doc) {
            my $first = $1;
            for my $rule (@{ $rules{'doc comments'} }) {
                push @found, [$number + 1, "\"$&\" starts a doc comment", $rule] if $first =~ /^$rule->{regex}/;
            }
        }
        $in_doc = $is_doc;
    }
    my (@starts, $joined);
    $joined = '';
    for my $line (@lines) {
        push @starts, length $joined;
        $joined .= text_of($line) . "\n";
    }
    for my $rule (@{ $rules{'everywhere'} }) {
        while ($joined =~ /$rule->{regex}/g) {
            my ($phrase, $at) = ($&, $-[0]);
            $phrase =~ s/\s+/ /g;
            my $number = grep { $_ <= $at } @starts;
            push @found, [$number, "\"$phrase\"", $rule];
        }
    }
    @found = sort { $a->[0] <=> $b->[0] } @found;
    return @found;
}

sub self_test {
    my $failures = 0;
    for my $rule (map { @$_ } values %rules) {
        next if grep { $_->[2] == $rule } findings($rule->{example});
        print "$rules_file:$rule->{line}: the rule does not report its own example: $rule->{example}\n";
        $failures++;
    }
    # Two rules at least have to be seen across the end of a line, behind the marks of both languages.
    for my $wrapped ("/// It is kept for\n/// ever.\n", "  # It is kept for\n  # ever.\n") {
        next if findings($wrapped);
        print "a phrase that spans two lines is not reported: $wrapped";
        $failures++;
    }
    for my $sentence (@fine) {
        for my $found (findings($sentence)) {
            print "$rules_file:$found->[2]{line}: the rule reports a good sentence: $sentence\n";
            $failures++;
        }
    }
    return $failures;
}

read_rules();
if (@files && $files[0] eq '--self-test') {
    exit(self_test() ? 1 : 0);
}
my $count = 0;
for my $file (@files) {
    open(my $in, '<', $file) or die "$file: $!\n";
    my $text = do { local $/; <$in> };
    for my $found (findings($text // '')) {
        my ($line, $what, $rule) = @$found;
        print "$file:$line: $what: $rule->{advice}\n";
        $count++;
    }
}
exit($count ? 1 : 0);
