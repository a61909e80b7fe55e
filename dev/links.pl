#!/usr/bin/env perl
# Checks that links between Markdown files lead to existing files and headings, that repository paths in backquotes exist, and
# that the site's table of contents lists each page of docs/.
#   dev/links.pl FILE...    Markdown files, from the root of the repository
use strict;
use warnings;
use File::Basename qw(dirname);

my $failed = 0;

sub report {
    my ($file, $line, $message) = @_;
    print "$file:$line: $message\n";
    $failed = 1;
}

# The lines of a file outside of code blocks, with their numbers.
sub prose {
    my ($file) = @_;
    open my $input, '<:encoding(UTF-8)', $file or die "$file: $!\n";
    my ($code, @lines);
    while (my $line = <$input>) {
        if ($line =~ /^\s*```/) { $code = !$code; next }
        push @lines, [$., $line] unless $code;
    }
    return @lines;
}

# The anchors of a file's headings, as GitHub derives them.
my %anchors;
sub anchors {
    my ($file) = @_;
    return $anchors{$file} //= do {
        my %found;
        for (prose($file)) {
            my $heading = $_->[1];
            next unless $heading =~ s/^#+ +//;
            $heading =~ s/\]\([^)]*\)//g;
            (my $anchor = lc $heading) =~ s/[^\w\- ]//g;
            $anchor =~ s/^\s+|\s+$//g;
            $anchor =~ s/ /-/g;
            $found{$anchor} = 1;
        }
        \%found;
    };
}

sub check_link {
    my ($file, $line, $link) = @_;
    return if $link =~ /^[a-z]+:/;
    my ($path, $anchor) = split /#/, $link, 2;
    my $target = $path eq '' ? $file : dirname($file) . "/$path";
    return report($file, $line, "no file $path") unless -e $target;
    return unless defined $anchor;
    report($file, $line, "no heading #$anchor in $target") unless anchors($target)->{$anchor};
}

sub check_tests {
    my ($file, $line, $names, $path) = @_;
    open my $input, '<:encoding(UTF-8)', dirname($file) . "/$path" or return;
    my $code = do { local $/; <$input> };
    for my $name ($names =~ /`(\w+)`/g) {
        report($file, $line, "no test $name in $path") unless $code =~ /\bfn \Q$name\E\(/;
    }
}

my ($folders) = map { join '|', map quotemeta, @$_ } [grep { -d && !/^(dist|site|target)$/ } glob '*'];
for my $file (@ARGV) {
    for (prose($file)) {
        my ($line, $text) = @$_;
        (my $links = $text) =~ s/`[^`]*`/code/g;
        check_link($file, $line, $1) while $links =~ /\]\(([^)\s]+)\)/g;
        check_tests($file, $line, $1, $2) while $text =~ /((?:`\w+`(?:,| and)? )+)in \[[^\]]*\]\(([^)\s]+\.rs)\)/g;
        while ($text =~ m{`((?:$folders)/[\w./-]+)`}g) {
            report($file, $line, "no path $1") unless -e $1;
        }
    }
}

# Reports pages that docs/SUMMARY.md does not list.
my $summary = 'docs/SUMMARY.md';
my %listed = ($summary => 1);
for (prose($summary)) {
    my $text = $_->[1];
    $listed{"docs/$1"} = 1 while $text =~ /\]\(([^)\s#]+)\)/g;
}
for my $file (grep { m{^docs/} && !$listed{$_} } @ARGV) { report($summary, 1, "$file is missing: add it to the site") }
exit $failed;
